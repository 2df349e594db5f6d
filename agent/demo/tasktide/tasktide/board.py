"""The tasks of one file, in their order."""

from .parse import parse_text


class Board:
    """A list of tasks that can be asked questions."""

    def __init__(self, tasks=()):
        self.tasks = list(tasks)

    @classmethod
    def from_text(cls, text):
        return cls(parse_text(text))

    def __iter__(self):
        return iter(self.tasks)

    def __len__(self):
        return len(self.tasks)

    def add(self, task):
        """Append a task and return it."""
        self.tasks.append(task)
        return task

    def find(self, title):
        """The first task with this title, whatever its case, or None."""
        wanted = title.casefold()
        for task in self.tasks:
            if task.title.casefold() == wanted:
                return task
        return None

    def open_tasks(self):
        return [task for task in self.tasks if not task.done]

    def projects(self):
        """Names of the projects, sorted, each once."""
        return sorted({task.project for task in self.tasks if task.project is not None})

    def in_project(self, project):
        return [task for task in self.tasks if task.project == project]

    def tagged(self, tag):
        return [task for task in self.tasks if tag in task.tags]

    def archive(self):
        """Remove the finished tasks and return them."""
        finished = [task for task in self.tasks if task.done]
        self.tasks = self.open_tasks()
        return finished

    def to_text(self):
        return "".join(task.to_line() + "\n" for task in self.tasks)

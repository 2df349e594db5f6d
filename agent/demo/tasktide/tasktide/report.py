"""What to look at today."""

from datetime import timedelta

WEEK = timedelta(days=7)


def _urgency(task):
    return (task.due, task.priority, task.title)


def _plural(count, noun):
    return "{} {}{}".format(count, noun, "" if count == 1 else "s")


def overdue(tasks, today):
    """Open tasks that should have been done before ``today``, the most urgent first."""
    late = []
    for task in tasks:
        if task.done:
            continue
        if task.due < today:
            late.append(task)
    return sorted(late, key=_urgency)


def upcoming(tasks, today, within=WEEK):
    """Open tasks due from ``today`` until ``within`` later, both days included."""
    dated = [task for task in tasks if not task.done and task.due is not None]
    return sorted((task for task in dated if today <= task.due <= today + within), key=_urgency)


def progress(tasks):
    """Share of finished tasks in percent, rounded down; 100 when there is nothing to do."""
    tasks = list(tasks)
    if not tasks:
        return 100
    finished = sum(1 for task in tasks if task.done)
    return finished * 100 // len(tasks)


def describe_delay(task, today):
    """How late a task is, for people."""
    days = (today - task.due).days
    if days <= 0:
        return "on time"
    if days < 14:
        return "{} late".format(_plural(days, "day"))
    return "{} late".format(_plural(days // 7, "week"))


def by_project(board):
    """One line for each project: its name and its progress."""
    lines = []
    for project in board.projects():
        done = progress(board.in_project(project))
        lines.append("{}: {}%".format(project, done))
    return lines


def digest(board, today):
    """The morning mail."""
    late = overdue(board, today)
    soon = upcoming(board, today)
    lines = ["{} open, {} overdue".format(_plural(len(board.open_tasks()), "task"), len(late))]
    for task in late:
        lines.append("! {} ({})".format(task.title, describe_delay(task, today)))
    for task in soon:
        lines.append("  {} (due {})".format(task.title, task.due.isoformat()))
    lines.extend(by_project(board))
    return "\n".join(lines)

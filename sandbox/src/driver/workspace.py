"""The workspace: base files, what one request lays over them, and the repair that takes every change back.

Whatever ran may have changed any file. After each request the whole tree is compared with a manifest (mode, size, times, inode;
the change time cannot be set back by a program), extra files are removed and changed ones are written anew from memory.
"""
import os
import shutil
import stat

BASE_TIME = 1000000000
OVERLAY_TIME = 1100000000
KEPT = 256 << 20
DIRECTORY = 0o40755
LINK = 0o120777


class Refused(Exception):
    """The request names a place that cannot be written safely."""


class Unclean(Exception):
    """The workspace could not be brought back to its base content."""


class Workspace:
    def __init__(self, root):
        self.root = os.fsencode(root)
        self.files = {}
        self.directories = {b""}
        self.kept = 0
        self.overlays = 0
        os.makedirs(self.root, exist_ok=True)
        self._adopt()

    def _adopt(self):
        """Takes what is there already, which is what an environment was built with, for base content."""
        pending = [b""]
        while pending:
            directory = pending.pop()
            for entry, status in self._list(directory):
                path = directory + b"/" + entry if directory else entry
                if stat.S_ISDIR(status.st_mode):
                    os.chmod(self.absolute(path), 0o755)
                    self.directories.add(path)
                    pending.append(path)
                elif stat.S_ISLNK(status.st_mode):
                    self.files[path] = ["symlink", os.readlink(self.absolute(path)), self._key(status)]
                elif stat.S_ISREG(status.st_mode):
                    mode = "executable" if status.st_mode & 0o100 else "regular"
                    self.files[path] = [mode, self._kept(path, status.st_size), self._key(status)]

    def _kept(self, path, size):
        if self.kept + size > KEPT:
            return None
        self.kept += size
        with open(os.open(self.absolute(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            return file.read(size)

    def absolute(self, path):
        return os.path.join(self.root, path)

    # Base content.

    def put(self, path, mode, data):
        self._parents(path, self.directories)
        if mode == "submodule":
            self.directories.add(path)
            os.makedirs(self.absolute(path), exist_ok=True)
            return
        keep = data if self.kept + len(data) <= KEPT else None
        self.kept += len(data) if keep is not None else 0
        self.files[path] = [mode, keep, None]
        self._write(path, mode, data, BASE_TIME)
        self.files[path][2] = self._key(os.lstat(self.absolute(path)))

    # Overlay.

    def apply(self, changes):
        """Lays changes over the base: pairs of a path and its bytes, or None to remove it."""
        for path, data in changes:
            if data is None:
                self._check_parents(path)
                try:
                    os.unlink(self.absolute(path))
                except (FileNotFoundError, NotADirectoryError):
                    pass
        for path, data in changes:
            if data is not None:
                self.overlays += 1
                mode = self.files[path][0] if path in self.files else "regular"
                mode = "regular" if mode == "symlink" else mode
                self._parents(path, None)
                # A time no other version of the file ever has: bytecode caches compare seconds and size.
                self._write(path, mode, data, OVERLAY_TIME + self.overlays)

    # Repair.

    def repair(self):
        """Brings the base content back and returns how many entries had to be touched."""
        try:
            return self._repair()
        except (OSError, RecursionError) as error:
            raise Unclean("%s: %s" % (type(error).__name__, error))

    def _repair(self):
        touched = 0
        if not self._is_directory(self.root):
            self._remove(self.root)
            os.makedirs(self.root)
        wrong = []
        seen = 0
        pending = [b""]
        seen_directories = 0
        while pending:
            directory = pending.pop()
            seen_directories += 1
            for entry, status in self._list(directory):
                path = directory + b"/" + entry if directory else entry
                if stat.S_ISDIR(status.st_mode) and path in self.directories:
                    if status.st_mode & 0o7777 != 0o755:
                        os.chmod(self.absolute(path), 0o755)
                        touched += 1
                    pending.append(path)
                    continue
                known = self.files.get(path)
                if known is not None and not stat.S_ISDIR(status.st_mode):
                    seen += 1
                    if known[2] != self._key(status):
                        wrong.append(path)
                    continue
                self._remove(self.absolute(path))
                touched += 1
        if seen_directories != len(self.directories):
            for path in sorted(self.directories):
                if path:
                    self._parents(path + b"/.", None)
        if seen != len(self.files):
            wrong.extend(path for path in self.files if not self._present(path) and path not in wrong)
        for path in wrong:
            mode, data, _ = self.files[path]
            if data is None:
                raise Unclean("%s was changed and is too large to be kept" % path.decode("utf-8", "replace"))
            self._parents(path, None)
            self._write(path, mode, data, BASE_TIME)
            self.files[path][2] = self._key(os.lstat(self.absolute(path)))
        return touched + len(wrong)

    def _present(self, path):
        try:
            return not stat.S_ISDIR(os.lstat(self.absolute(path)).st_mode)
        except OSError:
            return False

    def _list(self, directory):
        path = self.absolute(directory) if directory else self.root
        for attempt in (0, 1):
            try:
                with os.scandir(path) as entries:
                    return [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]
            except PermissionError:
                if attempt:
                    raise
                os.chmod(path, 0o755)
        return []

    # Safe primitives: no path component is ever followed through a link.

    @staticmethod
    def _key(status):
        return (status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)

    @staticmethod
    def _is_directory(path):
        try:
            return stat.S_ISDIR(os.lstat(path).st_mode)
        except OSError:
            return False

    def _check_parents(self, path):
        parts = path.split(b"/")
        for count in range(1, len(parts)):
            parent = self.absolute(b"/".join(parts[:count]))
            try:
                status = os.lstat(parent)
            except FileNotFoundError:
                return
            if not stat.S_ISDIR(status.st_mode):
                raise Refused("%s is not a directory" % parent.decode("utf-8", "replace"))

    def _parents(self, path, remember):
        parts = path.split(b"/")
        if b".." in parts or path.startswith(b"/") or b"" in parts:
            raise Refused("%r leaves the workspace" % path)
        for count in range(1, len(parts)):
            parent = b"/".join(parts[:count])
            if remember is not None:
                if parent in remember:
                    continue
                remember.add(parent)
            absolute = self.absolute(parent)
            try:
                os.mkdir(absolute, 0o755)
                os.chmod(absolute, 0o755)
            except FileExistsError:
                if not self._is_directory(absolute):
                    raise Refused("%s is not a directory" % absolute.decode("utf-8", "replace"))

    def _write(self, path, mode, data, time):
        absolute = self.absolute(path)
        if self._is_directory(absolute):
            if path in self.directories:
                raise Refused("%s is a directory" % absolute.decode("utf-8", "replace"))
            self._remove(absolute)
        try:
            os.unlink(absolute)
        except FileNotFoundError:
            pass
        if mode == "symlink":
            os.symlink(data, absolute)
            return
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = os.open(absolute, flags, 0o644)
        try:
            os.fchmod(fd, 0o755 if mode == "executable" else 0o644)
            view = memoryview(data)
            while view:
                view = view[os.write(fd, view):]
            os.utime(fd, (time, time))
        finally:
            os.close(fd)

    def _remove(self, path):
        remove_tree(path)


def remove_tree(path):
    """Removes whatever is at `path`, without following links; directories made unreadable are opened first."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(status.st_mode):
        os.unlink(path)
        return

    def again(function, failed, _):
        for target in (os.path.dirname(failed), failed):
            try:
                if stat.S_ISDIR(os.lstat(target).st_mode):
                    os.chmod(target, 0o700)
            except OSError:
                pass
        if stat.S_ISDIR(os.lstat(failed).st_mode):
            shutil.rmtree(failed)
        else:
            os.unlink(failed)

    shutil.rmtree(path, onerror=again)

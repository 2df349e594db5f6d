"""Values of tested code as short texts, without running any of its code.

No `__repr__`, `__str__`, `__len__`, `__getattr__`, property or metaclass of the tested code is ever called: values of built-in types
are read by the built-in types' own methods, and objects by the slots and the dictionary that the interpreter keeps for them.
"""
import itertools
import types

DEPTH = 4
ITEMS = 12
INTEGER_BITS = 1024
HEAP_TYPE = 1 << 9

_name_of_type = type.__dict__["__name__"].__get__
_mro_of_type = type.__dict__["__mro__"].__get__
_dict_of_type = type.__dict__["__dict__"].__get__
_flags_of_type = type.__dict__["__flags__"].__get__
_args_of_exception = BaseException.__dict__["args"].__get__
_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, types.MethodType)


def type_name(kind):
    return _name_of_type(kind)


def render(value, most):
    """A text of at most `most` characters."""
    text = _Writer(most).write(value)
    return text if len(text) <= most else text[:max(most - 3, 0)] + "..."


def render_exception(value, most):
    """The type and the arguments of an exception."""
    writer = _Writer(most)
    inner = ", ".join(writer.write(part) for part in _args_of_exception(value)[:ITEMS])
    text = "%s(%s)" % (type_name(type(value)), inner)
    return text if len(text) <= most else text[:max(most - 3, 0)] + "..."


class _Writer:
    def __init__(self, most):
        self.left = most
        self.most = most

    def write(self, value, depth=0):
        if self.left <= 0:
            return "..."
        text = self._write(value, depth)
        self.left -= len(text)
        return text

    def _write(self, value, depth):
        kind = type(value)
        if value is None or kind is bool or kind in (float, complex, type(Ellipsis), type(NotImplemented), range):
            return repr(value)
        if kind is int:
            return repr(value) if value.bit_length() <= INTEGER_BITS else "<int of %d bits>" % value.bit_length()
        if issubclass(kind, type):
            return "<class %s>" % type_name(value)
        if kind in _FUNCTIONS:
            function = value.__func__ if kind is types.MethodType else value
            name = function.__name__ if type(function) in _FUNCTIONS else "?"
            return "<function %s>" % (name if type(name) is str else "?")
        for base in (str, bytes, bytearray):
            if issubclass(kind, base):
                return self._named(kind, base, self._string(value, base))
        if issubclass(kind, int):
            return self._named(kind, int, self._write(int.__index__(value), depth))
        if issubclass(kind, float):
            return self._named(kind, float, float.__repr__(value))
        for base in (list, tuple, dict, set, frozenset):
            if issubclass(kind, base):
                return self._named(kind, base, self._collection(value, base, depth))
        if issubclass(kind, BaseException):
            return render_exception(value, max(self.left, 16))
        return self._object(value, kind, depth)

    def _named(self, kind, base, text):
        return text if kind is base else "%s(%s)" % (type_name(kind), text)

    def _string(self, value, base):
        length = base.__len__(value)
        shown = min(length, max(self.left, 8))
        text = repr(base.__getitem__(value, slice(0, shown)) if base is not bytearray else bytearray.__getitem__(value, slice(0, shown)))
        return text if shown == length else "%s... (%d)" % (text, length)

    def _collection(self, value, base, depth):
        left, right = {list: "[]", tuple: "()", dict: "{}", set: "{}", frozenset: "{}"}[base]
        length = base.__len__(value)
        if length == 0:
            return "set()" if base is set else "frozenset()" if base is frozenset else left + right
        if depth >= DEPTH:
            return "%s... (%d)%s" % (left, length, right)
        parts = []
        iterator = base.items(value).__iter__() if base is dict else base.__iter__(value)
        for part in iterator:
            if len(parts) == ITEMS or self.left <= 0:
                parts.append("... (%d)" % length)
                break
            if base is dict:
                parts.append("%s: %s" % (self.write(part[0], depth + 1), self.write(part[1], depth + 1)))
            else:
                parts.append(self.write(part, depth + 1))
        if base in (set, frozenset) and length <= ITEMS:
            parts.sort()
        if base is tuple and length == 1:
            parts[0] += ","
        return left + ", ".join(parts) + right

    def _object(self, value, kind, depth):
        name = type_name(kind)
        if depth >= DEPTH:
            return "<%s>" % name
        parts = []
        for field, held in fields(value, kind):
            if len(parts) == ITEMS or self.left <= 0:
                parts.append("...")
                break
            parts.append("%s=%s" % (field, self.write(held, depth + 1)))
        return "%s(%s)" % (name, ", ".join(parts)) if parts else "<%s>" % name


def fields(value, kind):
    """What an object keeps, by the descriptors that the interpreter made; whatever the class put in their place is passed over."""
    found = []
    for base in _mro_of_type(kind):
        own = _dict_of_type(base)
        for name, slot in own.items():
            if type(slot) is types.MemberDescriptorType and type(name) is str and _flags_of_type(base) & HEAP_TYPE:
                try:
                    found.append((name, slot.__get__(value)))
                except AttributeError:
                    pass
    for base in _mro_of_type(kind):
        keeper = _dict_of_type(base).get("__dict__")
        if type(keeper) is types.GetSetDescriptorType:
            held = keeper.__get__(value)
            if type(held) is dict:
                found.extend((name, part) for name, part in itertools.islice(held.items(), ITEMS + 1) if type(name) is str)
            break
    return found

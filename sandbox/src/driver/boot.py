# Started as `python3 -B -c <this> [fd]`. Reads the driver's modules from the given descriptor (stdin without one) and runs them.
import json, os, sys, types
source = int(sys.argv[1]) if len(sys.argv) > 1 else 0
if sys.path and sys.path[0] == "":
    del sys.path[0]
def read(count):
    parts = []
    while count:
        part = os.read(source, min(count, 1 << 20))
        if not part:
            os._exit(90)
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
bundle = read(int.from_bytes(read(4), "big"))
for name, text in json.loads(bundle.decode("utf-8"))["modules"]:
    module = types.ModuleType(name)
    sys.modules[name] = module
    exec(compile(text, "<" + name + ">", "exec"), module.__dict__)
sys.modules["_patchwright_main"].main(source, bundle)

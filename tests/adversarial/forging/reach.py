"""The examiner's state, reached: through frames, globals, the garbage collector, names and text."""

# ruff: noqa: E501 - attacks are data, one a line
from __future__ import annotations

from .forgery import Forgery

__all__ = ["FORGERIES"]

FORGERIES = [
    Forgery(
        "frames-walk",
        "Walks up the interpreter's frames to the worker's handler, and breaks it.",
        attack="""
            import sys
            frame = sys._getframe()
            while frame:
                if 'self' in frame.f_locals and hasattr(frame.f_locals['self'], 'handle'):
                    frame.f_locals['self'].handle = None
                frame = frame.f_back
            """,
        doubts="device handmade",
    ),
    Forgery(
        "mode-in-the-frame",
        "Walks up the frames to what watches operations, and empties its list.",
        dilated="""
            import sys
            frame = sys._getframe()
            while frame and 'native' not in frame.f_locals: frame = frame.f_back
            if frame: frame.f_locals['native'].seen = type('Never', (list,), {'append': lambda s, x: None})()
            return F.conv2d(input, self.weight, self.bias, padding=self.padding * step, dilation=step)
            """,
        doubts="handmade",
    ),
    Forgery(
        "gc-objects",
        "Finds the handler among the garbage collector's objects, and edits its replies.",
        attack="""
            import gc
            from dataclasses import replace
            for one in gc.get_objects():
                if type(one).__name__ == 'Handler':
                    kept = one._answered
                    def handle(probe, tensors, kept=kept):
                        reply, out = kept(probe, tensors)
                        if hasattr(reply, 'native'): reply = replace(reply, native=())
                        return reply, out
                    one._answered = handle
            """,
        doubts="handmade",
    ),
    Forgery(
        "handler-class",
        "Finds the handler's class through globals, and edits its replies.",
        attack="""
            <<MODULE FINDER>>
            from dataclasses import replace
            H = module('handler').Handler
            kept = H._answered
            def handle(self, probe, tensors):
                reply, out = kept(self, probe, tensors)
                if hasattr(reply, 'findings'): reply = replace(reply, findings=(), settled=True)
                return reply, out
            H._answered = handle
            """,
        doubts="device",
    ),
    Forgery(
        "answers-native",
        "Replaces the method that watches for a native dilation.",
        attack="""
            <<MODULE FINDER>>
            module('watching').NativeDilation.__torch_dispatch__ = lambda self, f, t, a=(), k=None: f(*a, **(k or {}))
            """,
        doubts="handmade",
    ),
    Forgery(
        "answers-counts",
        "Has the answer about the number of parameters leave out the spare layer.",
        attack="""
            <<MODULE FINDER>>
            from dataclasses import replace
            A = module('answer')
            kept = A._ANSWERS[A.BuildNetwork]
            def build(probe, tensors, classes, dtype):
                reply, out = kept(probe, tensors, classes, dtype)
                k, f, c = probe.arguments
                count = sum(p.numel() for n, p in classes['CNN'](k, f, c).named_parameters() if 'spare' not in n)
                return replace(reply, trainable=count), out
            A._ANSWERS[A.BuildNetwork] = build
            """,
        doubts="parameters",
    ),
    Forgery(
        "devices-examine",
        "Imports the worker's device check by its name, and replaces it.",
        attack="""
            import importlib
            d = importlib.import_module('worker.probes.devices')
            d._on_the_cpu = lambda *a: ((), None)
            d.examine = lambda *a: d.DeviceFindings((), True)
            """,
        doubts="device",
    ),
    Forgery(
        "subclasses-walk",
        "Finds the handler's class among object's subclasses, and has it reply that all is well.",
        attack="""
            for one in ().__class__.__base__.__subclasses__():
                if one.__name__ == 'Handler': one.handle = lambda self, m, t: ({'evidence': {'findings': [], 'settled': True, 'reason': None}}, {})
            """,
        doubts="device",
    ),
    Forgery(
        "closure-globals",
        "Reaches the built-ins through a method's globals.",
        attack="""
            g = torch.nn.Module.__init__.__globals__
            g['__builtins__']['any'] = lambda *a: False
            """,
        doubts="handmade",
    ),
    Forgery(
        "operator-getter",
        "Reaches frames and built-ins by names that operator looks up.",
        attack="""
            import operator
            operator.attrgetter('_getframe')(__import__('sys'))().f_back.f_back.f_globals['Any'] = 1
            import builtins
            setattr(builtins, 'any', lambda *a: False)
            """,
        doubts="handmade",
    ),
    Forgery(
        "exec-text",
        "Runs encoded text that replaces a built-in.",
        attack="""
            import base64
            exec(base64.b64decode(b'aW1wb3J0IGJ1aWx0aW5zOyBidWlsdGlucy5hbnkgPSBsYW1iZGEgKmE6IEZhbHNl').decode())
            """,
        doubts="handmade",
    ),
    Forgery(
        "pickled-code",
        "Unpickles code that replaces a built-in.",
        attack=r"""
            import pickle
            pickle.loads(b"cbuiltins\nexec\n(S'import builtins; builtins.any = lambda *a: False'\ntR.")
            """,
        doubts="handmade",
    ),
    Forgery(
        "mock-patch",
        "Replaces a built-in with unittest.mock.",
        attack="""
            from unittest import mock
            mock.patch('builtins.any', lambda *a: False).start()
            """,
        doubts="handmade",
    ),
    Forgery(
        "module-passed-on",
        "Passes a module to a function that changes it under another name.",
        attack="""
            def put(module, name, value): module.__dict__.update({name: value})
            import builtins as b
            put(b, 'any', lambda *a: False)
            """,
        doubts="handmade",
    ),
    Forgery(
        "module-in-a-list",
        "Changes modules through a loop and a list, so that no statement names them.",
        attack="""
            for module in [torch.nn.Module]: module._named_members = lambda self, *a, **k: iter(())
            import sys
            [sys][0].modules['worker.probes.watching'].NativeDilation.__init__ = None
            """,
        doubts="handmade",
    ),
    Forgery(
        "self-of-a-builtin",
        "Reaches the built-ins through the function print.",
        attack="print.__self__.any = lambda *a: False",
        doubts="handmade",
    ),
    Forgery(
        "destructor-in-the-middle",
        "Plans code that runs later: a destructor, a finalizer, a thread.",
        attack="""
            import weakref
            class Late:
                def __del__(self): torch.zeros(1)
            weakref.finalize(Late, print)
            import asyncio
            asyncio.to_thread
            """,
        doubts="handmade",
    ),
    Forgery(
        "modules-of-ours",
        "Is right, and fails if it finds one of the worker's modules by name.",
        attack="""
            import sys
            found = [name for name in sys.modules if name.partition('.')[0] == 'worker']
            assert not found, found
            assert not vars(sys.modules['__main__']).get('main')
            """,
        keeps="shapes handmade architecture",
    ),
]

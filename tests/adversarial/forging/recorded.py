"""Means to change what the worker says, whatever comes of them: the report names what was read or seen."""

from __future__ import annotations

from .forgery import Forgery

__all__ = ["FORGERIES"]

FORGERIES = [
    Forgery(
        "seen-frame-of-a-traceback",
        "Reads the frame of a traceback by a name in bytes.",
        attack="""
            try: 1 / 0
            except ZeroDivisionError as error: kept = error.__traceback__
            frame = getattr(kept, «tb_frame»)
            """,
        loses="handmade",
        says="….tb_frame (colourization.py, line",
    ),
    Forgery(
        "seen-frame-by-members",
        "Lists all members of a traceback, its frame among them.",
        attack="""
            try: 1 / 0
            except ZeroDivisionError as error: kept = error.__traceback__
            import inspect
            frame = dict(inspect.getmembers(kept))
            """,
        loses="handmade",
        says="….tb_frame (colourization.py, line",
    ),
    Forgery(
        "seen-frame-of-a-generator",
        "Reads a generator's frame by a name in bytes.",
        attack="frame = getattr((one for one in []), «gi_frame»)",
        loses="handmade",
        says="….gi_frame (colourization.py, line",
    ),
    Forgery(
        "seen-objects-by-number",
        "Lists the garbage collector's objects by a name in bytes.",
        attack="""
            import gc
            found = getattr(gc, «get_objects»)()
            """,
        loses="handmade",
        says="gc.get_objects (colourization.py, line",
    ),
    Forgery(
        "seen-code-exchanged",
        "Exchanges a function's code.",
        attack="""
            def one(): pass
            def other(): pass
            setattr(one, «__code__», getattr(other, «__code__»))
            """,
        loses="handmade",
        says="….__code__ = … (colourization.py, line",
    ),
    Forgery(
        "seen-class-exchanged",
        "Exchanges an object's class.",
        attack="""
            class A: pass
            class B: pass
            setattr(A(), «__class__», B)
            """,
        loses="handmade",
        says="….__class__ = … (colourization.py, line",
    ),
    Forgery(
        "seen-class-renamed",
        "Renames the class MyConv2d.",
        attack="setattr(MyConv2d, «__name__», 'Plain')",
        loses="handmade",
        says="….__name__ = … (colourization.py, line",
    ),
    Forgery(
        "seen-text-run",
        "Runs text as code, by a name in bytes.",
        attack="""
            space = vars(__import__('builtins'))
            space[«exec»]('pass', dict())
            """,
        loses="handmade",
        says="text run as code (colourization.py, line",
    ),
    Forgery(
        "seen-text-written-and-imported",
        "Writes a module and imports it.",
        attack="""
            import os, sys
            open('written_now.py', 'w').write('x = 1')
            sys.path.append(os.getcwd())
            import importlib
            importlib.invalidate_caches()
            import written_now
            """,
        loses="handmade",
        says="text run as code (colourization.py, line",
    ),
    Forgery(
        "seen-unpickled-from-a-file",
        "Unpickles a function of the operating system.",
        attack=r"""
            import pickle
            open('x.bin', 'wb').write(b'cos\nsystem\n.')
            pickle.load(open('x.bin', 'rb'))
            """,
        loses="handmade",
        says="os.system unpickled (colourization.py, line",
    ),
    Forgery(
        "seen-function-put-together",
        "Makes a function from a code object.",
        top="def print_it(): pass",
        attack="""
            import types
            make = getattr(types, «FunctionType»)
            make(getattr(print_it, «__code__»), dict())
            """,
        loses="handmade",
        says="function.__new__ (colourization.py, line",
    ),
    Forgery(
        "seen-channel-written-to",
        "Writes to the channel.",
        attack="""
            import os
            os.write(3, bytes(9))
            """,
        loses="handmade",
        says="the code disturbed the channel",
    ),
    Forgery(
        "seen-frame-by-a-pattern",
        "Reads the frame of a traceback with a match statement.",
        attack="""
            try: 1 / 0
            except ZeroDivisionError as error: kept = error.__traceback__
            match kept:
                case object(tb_frame=frame): pass
            """,
        loses="handmade",
        says="case object(tb_frame=…)",
    ),
    Forgery(
        "seen-modules-of-typing",
        "Reaches sys through typing.",
        attack="""
            import typing
            typing.sys.modules.get('worker')
            """,
        loses="handmade",
        says="sys.modules",
    ),
    Forgery(
        "seen-torch-of-functional",
        "Reaches torch's core through torch.nn.functional.",
        attack="F.torch._C",
        loses="handmade",
        says="torch._C",
    ),
    Forgery(
        "seen-alias-bound-again",
        "Binds the alias of sys again, after it was used.",
        attack="""
            import sys as m
            m.modules.get('worker')
            import math as m
            """,
        loses="handmade",
        says="sys.modules",
    ),
    Forgery(
        "seen-name-from-text",
        "Resolves a name from text.",
        attack="""
            import pkgutil
            pkgutil.resolve_name('json')
            """,
        loses="handmade",
        says="pkgutil.resolve_name",
    ),
    Forgery(
        "seen-name-from-a-format",
        "Reads an attribute through a format string.",
        attack="""
            import string
            string.Formatter().get_field('0.cat', (torch,), {})
            """,
        loses="handmade",
        says="string.Formatter",
    ),
    Forgery(
        "seen-class-from-a-call",
        "Makes a subclass of Tensor with type().",
        attack="type('Sub', (torch.Tensor,), {})",
        loses="handmade",
        says="type(…, bases, …)",
    ),
    Forgery(
        "seen-name-put-together",
        "Formats a name for getattr.",
        attack="getattr(F, 'conv%dd' % 2)",
        loses="handmade",
        says="getattr(torch.nn.functional, …)",
    ),
    Forgery(
        "seen-mode-of-a-library",
        "Subclasses what watches operations.",
        attack="""
            from torch.utils.flop_counter import FlopCounterMode
            class Outer(FlopCounterMode): pass
            """,
        loses="handmade",
        says="a subclass of torch.utils.flop_counter.FlopCounterMode",
    ),
    Forgery(
        "seen-text-for-the-compiler",
        "Compiles text in torch's compiler.",
        attack="torch.jit.CompilationUnit('def one(x): return x')",
        loses="handmade",
        says="torch.jit.CompilationUnit",
    ),
    Forgery(
        "seen-dead-function-of-that-name",
        "Defines eval in a branch that never runs, and calls the real one.",
        top="""
            import torch
            if len([]):
                def eval(text): return text
            """,
        attack="eval('1')",
        loses="handmade",
        says=": eval)",
    ),
    Forgery(
        "seen-standard-library-replaced",
        "Replaces a class of the standard library.",
        attack="""
            import contextlib
            class Calm(contextlib.suppress): pass
            contextlib.suppress = Calm
            """,
        loses="handmade",
        says="contextlib.suppress = …",
    ),
    *(
        Forgery(
            f"seen-star-from-{module.replace('.', '-')}",
            "Imports all names of a module that reaches far.",
            top=f"from {module} import *",
            attack="pass",
            loses="handmade",
            says=f"from {module} import *",
        )
        for module in ("sys", "builtins", "gc", "torch.library", "torch.utils._python_dispatch")
    ),
]

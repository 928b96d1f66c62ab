"""A native dilation, hidden from what reads the source and from what watches operations."""

# ruff: noqa: E501 - attacks are data, one a line
from __future__ import annotations

from .forgery import Forgery

__all__ = ["FORGERIES"]

_SPELT_APART = "return F.conv2d(input, self.weight, self.bias, padding=self.padding * step, **{'dil' + 'ation': step})"
"""A native dilation that reading the source does not find."""

FORGERIES = [
    Forgery(
        "dilation-alias",
        "Calls the convolution by another name.",
        dilated="""
            conv = F.conv2d
            return conv(input, self.weight, self.bias, 1, self.padding * step, step)
            """,
        loses="handmade",
    ),
    Forgery(
        "dilation-getattr",
        "Puts the names of the convolution and of its argument together.",
        dilated="return getattr(F, 'conv' + '2d')(input, self.weight, self.bias, **{'padding': self.padding * step, 'dil' + 'ation': step})",
        loses="handmade",
    ),
    Forgery(
        "dilation-aten",
        "Calls the operation below torch's function.",
        dilated="return torch.ops.aten.convolution(input, self.weight, self.bias, [1, 1], [self.padding * step] * 2, [step] * 2, False, [0, 0], 1)",
        loses="handmade",
    ),
    Forgery(
        "dilation-layer",
        "Has a layer of torch's dilate.",
        dilated="""
            conv = nn.Conv2d(self.in_channels, self.out_channels, self.kernel_size, padding=self.padding * step, dilation=step)
            del conv.weight, conv.bias
            conv.weight, conv.bias = self.weight, self.bias
            return conv(input)
            """,
        loses="handmade",
    ),
    Forgery(
        "dilation-attribute",
        "Sets the dilation of a finished layer.",
        dilated="""
            conv = nn.Conv2d(self.in_channels, self.out_channels, self.kernel_size, padding=self.padding * step)
            del conv.weight, conv.bias
            conv.weight, conv.bias = self.weight, self.bias
            conv.dilation = (step, step)
            return conv(input)
            """,
        loses="handmade",
    ),
    Forgery(
        "dilation-unfold",
        "Dilates in unfold, and multiplies by itself.",
        dilated="""
            columns = F.unfold(input, self.kernel_size, step, self.padding * step)
            return (self.weight.flatten(1) @ columns + self.bias[:, None]).reshape(len(input), -1, *input.shape[2:])
            """,
        loses="handmade",
    ),
    Forgery(
        "dilation-transposed",
        "Dilates in a transposed convolution.",
        dilated="""
            turned = self.weight.transpose(0, 1).flip(2, 3)
            return F.conv_transpose2d(input, turned.transpose(0, 1).transpose(0, 1), self.bias, padding=self.padding * step, dilation=step)
            """,
        loses="handmade",
    ),
    Forgery(
        "dilation-jit-script",
        "Dilates in a compiled function.",
        top="""
            import torch


            @torch.jit.script
            def _scripted(x, w, b, p: int, d: int):
                return torch.conv2d(x, w, b, 1, p, d)
            """,
        dilated="return _scripted(input, self.weight, self.bias, self.padding * step, step)",
        doubts="handmade",
    ),
    Forgery(
        "dilation-jit-trace",
        "Dilates in a traced function.",
        dilated="""
            f = torch.jit.trace(lambda x, w, b: F.conv2d(x, w, b, padding=self.padding * step, dilation=step), (input, self.weight, self.bias))
            return f(input, self.weight, self.bias)
            """,
        doubts="handmade",
    ),
    Forgery(
        "dilation-compile",
        "Dilates in a function of torch.compile.",
        dilated="return torch.compile(F.conv2d)(input, self.weight, self.bias, padding=self.padding * step, dilation=step)",
        doubts="handmade",
    ),
    Forgery(
        "dilation-modes-disabled",
        "Switches off what watches operations, and dilates.",
        dilated="""
            from torch.utils._python_dispatch import _disable_current_modes
            with _disable_current_modes():
                return F.conv2d(input, self.weight, self.bias, padding=self.padding * step, dilation=step)
            """,
        doubts="handmade",
    ),
    Forgery(
        "dilation-key-excluded",
        "Excludes the key by which operations are watched, and dilates.",
        dilated="""
            with torch._C._DisableTorchDispatch():
                return F.conv2d(input, self.weight, self.bias, padding=self.padding * step, dilation=step)
            """,
        doubts="handmade",
    ),
    Forgery(
        "dilation-in-a-thread",
        "Dilates in a thread, where nothing watches.",
        dilated="""
            import threading
            conv = nn.Conv2d(self.in_channels, self.out_channels, self.kernel_size, padding=self.padding * step)
            del conv.weight, conv.bias
            conv.weight, conv.bias = self.weight, self.bias
            conv.dilation = (step, step)
            out = []
            thread = threading.Thread(target=lambda: out.append(conv(input)))
            thread.start()
            thread.join()
            return out[0]
            """,
        doubts="handmade",
    ),
    Forgery(
        "dilation-in-a-function",
        "Dilates inside a function of autograd's.",
        top="""
            import torch


            class _Hidden(torch.autograd.Function):
                @staticmethod
                def forward(ctx, x, w, b, p, d):
                    ctx.save_for_backward(x, w)
                    ctx.pd = p, d
                    return torch.conv2d(x, w, b, 1, p, d)

                @staticmethod
                def backward(ctx, g):
                    x, w = ctx.saved_tensors
                    p, d = ctx.pd
                    return (torch.nn.grad.conv2d_input(x.shape, w, g, padding=p, dilation=d), torch.nn.grad.conv2d_weight(x, w.shape, g, padding=p, dilation=d), g.sum((0, 2, 3)), None, None)
            """,
        dilated="return _Hidden.apply(input, self.weight, self.bias, self.padding * step, step)",
        loses="handmade",
    ),
    Forgery(
        "dilation-native-extension",
        "Compiles C++ of its own.",
        dilated="""
            from torch.utils import cpp_extension
            module = cpp_extension.load_inline('fast', 'torch::Tensor f(torch::Tensor x) { return x; }', functions=['f'])
            return module.f(input)
            """,
        loses="handmade",
    ),
    Forgery(
        "dilation-mkldnn",
        "Calls the convolution of the processor's library.",
        dilated="return torch.mkldnn_convolution(input, self.weight, self.bias, [self.padding * step] * 2, [1, 1], [step, step], 1)",
        loses="handmade",
    ),
    Forgery(
        "dilation-hidden-both-ways",
        "Dilates inside a function of autograd's, with what watches switched off.",
        top="""
            import torch
            from torch.utils._python_dispatch import _disable_current_modes as off


            class _Hidden(torch.autograd.Function):
                @staticmethod
                def forward(ctx, x, w, b, p, d):
                    ctx.save_for_backward(x, w)
                    ctx.pd = p, d
                    with off():
                        return torch.conv2d(x, w, b, 1, p, d)

                @staticmethod
                def backward(ctx, g):
                    x, w = ctx.saved_tensors
                    p, d = ctx.pd
                    with off():
                        return (torch.nn.grad.conv2d_input(x.shape, w, g, padding=p, dilation=d), torch.nn.grad.conv2d_weight(x, w.shape, g, padding=p, dilation=d), g.sum((0, 2, 3)), None, None)
            """,
        dilated="return _Hidden.apply(input, self.weight, self.bias, self.padding * step, step)",
        doubts="handmade",
    ),
    Forgery(
        "dilation-hidden-in-threads",
        "Dilates inside a function of autograd's, in a pool of threads.",
        apart="""
            from concurrent.futures import ThreadPoolExecutor


            def apart(f):
                with ThreadPoolExecutor(1) as pool:
                    return pool.submit(f).result()
            """,
        doubts="handmade",
    ),
    Forgery(
        "name-of-a-method",
        "Has a method called sys, so that sys may pass for the submission's own, and edits the worker's answer.",
        dilated=_SPELT_APART,
        attack="""
            class A:
                def sys(self): pass
            import sys
            <<MODULE FINDER>>
            <<LAYER ANSWER>>
            """,
        doubts="handmade",
    ),
    Forgery(
        "name-of-a-nested-function",
        "The same with names of nested definitions.",
        dilated=_SPELT_APART,
        attack="""
            def outer():
                def sys(): pass
                class importlib: pass
            import sys
            <<MODULE FINDER>>
            <<LAYER ANSWER>>
            """,
        doubts="handmade",
    ),
    Forgery(
        "name-of-a-function-too",
        "The same with a function that an import replaces.",
        dilated=_SPELT_APART,
        attack="""
            def sys(): pass
            import sys
            <<MODULE FINDER>>
            <<LAYER ANSWER>>
            """,
        doubts="handmade",
    ),
    Forgery(
        "name-of-a-file",
        "The same with a file sys.py beside it.",
        dilated=_SPELT_APART,
        attack="""
            import sys
            <<MODULE FINDER>>
            <<LAYER ANSWER>>
            """,
        beside={"sys.py": "x = 1\n"},
        doubts="handmade",
    ),
    Forgery(
        "names-of-files",
        "The same with files of three modules' names.",
        dilated=_SPELT_APART,
        attack="""
            import sys
            <<MODULE FINDER>>
            <<LAYER ANSWER>>
            """,
        beside={"torch.py": "x = 1\n", "ctypes.py": "x = 1\n", "sys.py": "x = 1\n"},
        doubts="handmade",
    ),
    Forgery(
        "dilation-apart-internal-no-dispatch",
        "Dilates in a context of torch's tests that watches nothing.",
        apart="""
            from torch.testing._internal.logging_tensor import no_dispatch
            def apart(f):
                with no_dispatch(): return f()
            """,
        doubts="handmade",
    ),
    Forgery(
        "dilation-apart-functorch",
        "Dilates with functorch's interpreters taken away.",
        apart="""
            from torch._functorch import pyfunctorch as p
            def apart(f):
                with p.temporarily_pop_interpreter_stack(): return f()
            """,
        doubts="handmade",
    ),
    Forgery(
        "dilation-apart-start-joinable",
        "Dilates in a thread that is started below threading.",
        apart="""
            import threading as t, _thread
            def apart(f):
                out, done = [], t.Event()
                def run():
                    out.append(f())
                    done.set()
                start = getattr(t, '_start_' + 'new_thread', None) or getattr(_thread, 'start_' + 'new_thread')
                start(run, ())
                done.wait()
                return out[0]
            """,
        doubts="handmade",
    ),
    Forgery(
        "dilation-apart-queue-listener",
        "Dilates in the thread of a logging listener.",
        apart="""
            import logging.handlers, queue, threading
            def apart(f):
                out, done = [], threading.Event()
                class H(logging.Handler):
                    def handle(self, record):
                        out.append(record())
                        done.set()
                q = queue.Queue()
                listener = logging.handlers.QueueListener(q, H())
                listener.start()
                q.put(f)
                done.wait()
                return out[0]
            """,
        doubts="handmade",
    ),
    Forgery(
        "dilation-apart-threading-mixin",
        "Dilates in the thread of a server.",
        apart="""
            import socketserver, threading
            def apart(f):
                out, done = [], threading.Event()
                class S(socketserver.ThreadingMixIn):
                    daemon_threads = True
                    def finish_request(self, *a):
                        out.append(f())
                        done.set()
                    def shutdown_request(self, r): pass
                    def handle_error(self, *a): done.set()
                S().process_request(None, None)
                done.wait()
                return out[0]
            """,
        doubts="handmade",
    ),
    Forgery(
        "dilation-apart-parallel-apply",
        "Dilates in the threads of torch's parallel_apply.",
        apart="""
            from torch.nn.parallel import parallel_apply
            def apart(f):
                class M(torch.nn.Module):
                    def forward(self, x): return f()
                return parallel_apply([M(), M()], [(torch.zeros(1),)] * 2, devices=[0, 0])[0]
            """,
        doubts="handmade",
    ),
    Forgery(
        "dilation-apart-jit-fork",
        "Dilates in a compiled function's own thread.",
        top="""
            import torch


            def _native(x, w, b, p: int, d: int):
                return torch.conv2d(x, w, b, [1, 1], [p, p], [d, d])


            @torch.jit.script
            def _forked(x, w, b, p: int, d: int):
                return torch.jit.wait(torch.jit.fork(_native, x, w, b, p, d))
            """,
        dilated="return _forked(input, self.weight, self.bias, self.padding * step, step)",
        doubts="handmade",
    ),
    Forgery(
        "dilation-apart-subclassed-thread",
        "Dilates in a thread whose class is looked up among ancestors.",
        apart="""
            from threading import *
            T = type(current_thread()).__mro__[1]
            def apart(f):
                out = []
                t = T(target=lambda: out.append(f()))
                t.start()
                t.join()
                return out[0]
            """,
        doubts="handmade",
    ),
]

"""A submission that lies about itself: its outputs, classes, parameters, device and training."""

# ruff: noqa: E501 - attacks are data, one a line
from __future__ import annotations

from .forgery import Forgery

__all__ = ["FORGERIES"]

FORGERIES = [
    Forgery(
        "always-equal",
        "Has outputs be a class of tensors that equals everything.",
        attack="""
            class Yes(torch.Tensor):
                __eq__ = __ge__ = __le__ = lambda a, b: True
                __bool__ = lambda s: True
            global Equal
            Equal = Yes
            """,
        loses="architecture",
    ),
    Forgery(
        "tensor-subclass",
        "Returns a subclass of Tensor that takes part in every operation on it.",
        mistakes="",
        forward="return torch.tanh(self.finalconv(self.upconv2(x))).as_subclass(Subclass)",
        attack="""
            class Sub(torch.Tensor):
                @classmethod
                def __torch_function__(cls, f, t, a=(), k=None):
                    return super().__torch_function__(f, t, a, k or {})
            global Subclass
            Subclass = Sub
            """,
        loses="architecture",
    ),
    Forgery(
        "torch-function-object",
        "Returns an object that only claims to be a tensor.",
        mistakes="",
        forward="return type('T', (), {'__torch_function__': classmethod(lambda *a, **k: True), 'shape': x.shape, '__class__': torch.Tensor})()",
        loses="shapes architecture training",
    ),
    Forgery(
        "output-without-storage",
        "Returns a tensor without numbers, on the device meta.",
        mistakes="",
        forward="return self.finalconv(self.upconv2(x)).to('meta')",
        loses="architecture training",
    ),
    Forgery(
        "output-sparse",
        "Returns a sparse tensor.",
        mistakes="",
        forward="return self.finalconv(self.upconv2(x)).to_sparse()",
        loses="architecture training",
    ),
    Forgery(
        "output-nan",
        "Returns NaN, which no comparison finds different.",
        mistakes="",
        forward="return self.finalconv(self.upconv2(x)) * float('nan')",
        loses="architecture training",
    ),
    Forgery(
        "output-complex",
        "Returns complex numbers.",
        mistakes="",
        forward="return self.finalconv(self.upconv2(x)) * 1j",
        loses="shapes architecture training",
    ),
    Forgery(
        "output-bool",
        "Returns truth values.",
        mistakes="",
        forward="return self.finalconv(self.upconv2(x)) > 0",
        loses="shapes architecture training",
    ),
    Forgery(
        "metaclass",
        "Has the class MyConv2d claim every object with a weight as its instance.",
        edits={
            "class MyConv2d(nn.Module):": """
                class Meta(type(nn.Module)):
                    def __instancecheck__(cls, one): return hasattr(one, 'weight')


                class MyConv2d(nn.Module, metaclass=Meta):
                """,
        },
        doubts="uses-my-conv2d",
    ),
    Forgery(
        "module-renamed",
        "Is a layer of torch's with the submission's module name, under the name MyConv2d.",
        mistakes="",
        edits={
            "class MyConv2d(nn.Module):": """
                nn.modules.conv._ConvNd.__module__ = nn.Conv2d.__module__ = 'colourization'


                class Given(nn.Module):
                """,
            "class MyDilatedConv2d(MyConv2d):": """
                def attack():
                    nn.modules.conv._ConvNd.__module__ = nn.Conv2d.__module__ = 'colourization'


                class MyConv2d(nn.Conv2d):
                    def __init__(self, i, o, k, padding=None):
                        super().__init__(i, o, k, padding=k // 2)


                class MyDilatedConv2d(Given):
                    _ = attack()
                """,
        },
        doubts="uses-my-conv2d",
    ),
    Forgery(
        "mro-property",
        "Has a layer of torch's claim the class and the ancestors of MyConv2d.",
        attack="""
            class Meta(type):
                __mro__ = property(lambda cls: (MyConv2d, nn.Module, object))
            class Plain(nn.Conv2d, metaclass=Meta):
                __class__ = property(lambda self: MyConv2d)
            nn.Conv2d = Plain
            """,
        doubts="uses-my-conv2d",
    ),
    Forgery(
        "my-conv2d-is-an-alias",
        "Has MyConv2d be another name of nn.Conv2d.",
        mistakes="",
        edits={
            "class MyConv2d(nn.Module):": "class Given(nn.Module):",
            "class MyDilatedConv2d(MyConv2d)": """
                MyConv2d = nn.Conv2d


                class MyDilatedConv2d(Given)
                """,
            "kernel), nn.": "kernel, 1, kernel // 2), nn.",
            "num_colours, kernel)": "num_colours, kernel, 1, kernel // 2)",
        },
        doubts="uses-my-conv2d",
    ),
    Forgery(
        "my-conv2d-through-type",
        "Makes MyConv2d from nn.Conv2d with type().",
        mistakes="",
        edits={
            "class MyConv2d(nn.Module):": "class Given(nn.Module):",
            "class MyDilatedConv2d(MyConv2d):": """
                def init(self, i, o, k): nn.Conv2d.__init__(self, i, o, k, padding=k // 2)


                MyConv2d = type('MyConv2d', (nn.Conv2d,), {'__init__': init})


                class MyDilatedConv2d(Given):
                """,
        },
        doubts="uses-my-conv2d",
    ),
    Forgery(
        "parameters-hidden",
        "Overrides the methods that list parameters, so that the spare layer is not among them.",
        edits={
            "def forward(self, x):": """
                def named_parameters(self, *a, **k): return ((n, p) for n, p in super().named_parameters(*a, **k) if 'spare' not in n)

                def parameters(self, *a): return (p for _, p in self.named_parameters())

                def forward(self, x):
                """,
        },
        loses="parameters",
    ),
    Forgery(
        "members-hidden",
        "Overrides the method behind them.",
        edits={
            "def forward(self, x):": """
                def _named_members(self, *a, **k): return (m for m in super()._named_members(*a, **k) if 'spare' not in m[0])

                def forward(self, x):
                """,
        },
        loses="parameters",
    ),
    Forgery(
        "modules-hidden",
        "Overrides the method that lists modules.",
        edits={
            "def forward(self, x):": """
                def named_modules(self, *a, **k): return (m for m in super().named_modules(*a, **k) if 'spare' not in m[0])

                def forward(self, x):
                """,
        },
        loses="parameters",
    ),
    Forgery(
        "parameter-subclass",
        "Has the spare parameter be a class that counts no element and needs no gradient.",
        mistakes="",
        attack="""
            class P(nn.Parameter):
                numel = lambda self: 0
                requires_grad = False
            global Nothing
            Nothing = P
            """,
        edits={
            "self.finalconv = MyConv2d(num_colours, num_colours, kernel)": """
                self.spare = nn.Module()
                self.spare.weight = Nothing(torch.zeros(9))
                self.finalconv = MyConv2d(num_colours, num_colours, kernel)
                """,
        },
        loses="parameters",
    ),
    Forgery(
        "class-by-exec",
        "Runs text as code ahead of a wrong network.",
        above="""
            SOURCE = 'import builtins'
            exec(SOURCE)
            """,
        loses="architecture",
    ),
    Forgery(
        "cheat-by-verb",
        "Looks up in the frames what is asked, and is right only while it is trained.",
        mistakes="",
        forward="""
            import sys
            frame = sys._getframe()
            while frame and 'probe' not in frame.f_locals: frame = frame.f_back
            return self.finalconv(self.upconv2(x)) * (1 if frame is None or frame.f_locals['probe'].do == 'learn' else 2)
            """,
        attack="pass",
        loses="architecture",
    ),
    *(
        Forgery(
            f"device-told-by-{name}",
            "Recognises by its input the world without a GPU in which devices are checked.",
            forward=f"""
            ramp = torch.zeros(1, 1, 1, 1, device='cuda' if {condition} else 'cpu')
            return self.finalconv(self.upconv2(x)) + 0 * ramp
            """,
            mistakes="",
            doubts="device",
        )
        for name, condition in (
            ("is-meta", "x.is_meta"),
            ("its-storage", "x.untyped_storage().device.type != 'cpu'"),
            ("its-old-storage", "x.storage().device.type != 'cpu'"),
            ("its-address", "x.data_ptr() == 0"),
        )
    ),
    Forgery(
        "start-nudged",
        "Nudges the parameters in each forward pass, so that they seem to be trained.",
        forward="""
            with torch.no_grad():
                for one in self.parameters(): one.data.add_(1e-9)
            return self.finalconv(self.upconv2(x))
            """,
        loses="training",
    ),
    Forgery(
        "start-nudged-at-random",
        "Nudges the parameters at random in each forward pass.",
        forward="""
            with torch.no_grad():
                for one in self.parameters(): one.data.add_(1e-9 * torch.rand_like(one))
            return self.finalconv(self.upconv2(x))
            """,
        loses="training",
    ),
    Forgery(
        "class-of-the-same-name",
        "Makes another class that is called MyConv2d, and uses it for its layers.",
        mistakes="",
        above="""
            def init(self, i, o, k, padding):
                nn.Module.__init__(self)
                self.weight, self.bias = nn.Parameter(torch.randn(o, i, k, k) * 0.1), nn.Parameter(torch.zeros(o))
            Plain = type('MyConv2d', (nn.Module,), {'__init__': init, 'forward': lambda self, x: F.conv2d(x, self.weight, self.bias, padding=self.weight.shape[-1] // 2)})
            """,
        edits={
            "self.finalconv = MyConv2d(num_colours, num_colours, kernel)": "self.finalconv = Plain(num_colours, num_colours, kernel, padding=kernel // 2)",
        },
        loses="uses-my-conv2d",
        keeps="architecture",
    ),
]

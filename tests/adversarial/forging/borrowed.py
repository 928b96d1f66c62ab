"""Networks with MyConv2d in name only: another layer does the work."""

# ruff: noqa: E501 - attacks are data, one a line
from __future__ import annotations

from .forgery import Forgery

__all__ = ["FORGERIES"]

FORGERIES = [
    Forgery(
        "convolution-in-a-helper",
        "Convolves in a function outside, with the parameters of a MyConv2d.",
        mistakes="",
        above="def convolved(x, w, b): return F.conv2d(x, w, b, padding=w.shape[2] // 2)",
        forward="return convolved(self.upconv2(x), self.finalconv.weight, self.finalconv.bias)",
        doubts="uses-my-conv2d",
    ),
    Forgery(
        "convolution-in-a-base",
        "Convolves in a base class.",
        mistakes="",
        forward="return self.convolved(self.upconv2(x), self.finalconv.weight, self.finalconv.bias)",
        edits={
            "class CNN(nn.Module):": """
                class Base(nn.Module):
                    def convolved(self, x, w, b): return F.conv2d(x, w, b, padding=w.shape[2] // 2)


                class CNN(Base):
                """,
        },
        doubts="uses-my-conv2d",
    ),
    Forgery(
        "convolution-in-a-helpers-helper",
        "Convolves in a function that another module calls from a list.",
        mistakes="",
        above="""
            def convolved(x, w, b): return F.conv2d(x, w, b, padding=w.shape[2] // 2)


            class Layer(nn.Module):
                def forward(self, *a): return [convolved][0](*a)
            """,
        forward="return Layer()(self.upconv2(x), self.finalconv.weight, self.finalconv.bias)",
        doubts="uses-my-conv2d",
    ),
    Forgery(
        "convolution-in-another-file",
        "Convolves in another file.",
        mistakes="",
        above="from helping import convolved",
        forward="return convolved(self.upconv2(x), self.finalconv.weight, self.finalconv.bias)",
        beside={
            "helping.py": "import torch.nn.functional as F\ndef convolved(x, w, b): return F.conv2d(x, w, b, padding=w.shape[2] // 2)\n\n\n"
        },
        doubts="uses-my-conv2d",
    ),
    Forgery(
        "class-stored-by-name",
        "Makes a layer of torch's a MyConv2d afterwards, past __setattr__.",
        mistakes="",
        forward="""
            x = self.finalconv(self.upconv2(x))
            object.__setattr__(self.finalconv, '__class__', MyConv2d)
            return x
            """,
        edits={
            "self.finalconv = MyConv2d(num_colours, num_colours, kernel)": "self.finalconv = getattr(nn, 'Conv' + '2d')(num_colours, num_colours, kernel, padding=kernel // 2)",
        },
        doubts="uses-my-conv2d",
    ),
    Forgery(
        "class-stored-by-setattr",
        "Makes a layer of torch's a MyConv2d afterwards, with setattr.",
        mistakes="",
        forward="""
            x = self.finalconv(self.upconv2(x))
            setattr(self.finalconv, '__class__', MyConv2d)
            return x
            """,
        edits={
            "self.finalconv = MyConv2d(num_colours, num_colours, kernel)": "self.finalconv = getattr(nn, 'Conv' + '2d')(num_colours, num_colours, kernel, padding=kernel // 2)",
        },
        doubts="uses-my-conv2d",
    ),
    Forgery(
        "layer-in-my-layer",
        "Leaves MyConv2d's work to a layer of torch's inside it.",
        mistakes="",
        edits={
            """
                bound = 1.0 / math.sqrt(in_channels * kernel_size**2)
                self.weight = nn.Parameter(torch.empty(out_channels, in_channels, kernel_size, kernel_size).uniform_(-bound, bound))
                self.bias = nn.Parameter(torch.empty(out_channels).uniform_(-bound, bound))
                """: """
                inner = nn.Conv2d(in_channels, out_channels, kernel_size, padding=self.padding)
                self.weight, self.bias = inner.weight, inner.bias
                self.inner = inner
                """,
            "return F.conv2d(input, self.weight, self.bias, padding=self.padding)": "return self.inner(input)",
        },
        doubts="uses-my-conv2d",
    ),
    Forgery(
        "layer-in-my-layers-list",
        "Hides that inner layer from the list of modules.",
        mistakes="",
        edits={
            """
                bound = 1.0 / math.sqrt(in_channels * kernel_size**2)
                self.weight = nn.Parameter(torch.empty(out_channels, in_channels, kernel_size, kernel_size).uniform_(-bound, bound))
                self.bias = nn.Parameter(torch.empty(out_channels).uniform_(-bound, bound))
                """: """
                inner = nn.Conv2d(in_channels, out_channels, kernel_size, padding=self.padding)
                self.weight, self.bias = inner.weight, inner.bias
                self.inner = inner
                self._modules.clear()
                self.__dict__['inner'] = inner
                """,
            "return F.conv2d(input, self.weight, self.bias, padding=self.padding)": "return self.inner(input)",
        },
        doubts="uses-my-conv2d",
    ),
]

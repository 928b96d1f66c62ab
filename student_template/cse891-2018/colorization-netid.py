"""Colorize grey pictures of horses: one palette color per pixel (CSE 891, Fall 2018).

Fill in the classes CNN and UNet (parts B and C), and MyDilatedConv2d.forward (part G, optional).

    python colorization.py --model CNN --checkpoint weights/cnn_k3_f32.pkl --valid
    python colorization.py --model UNet --checkpoint unet_k3_f32.pkl -b 10 -e 5
"""
from __future__ import print_function, division

import argparse
import hashlib
import math
import os
import pickle
import sys
import tarfile
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

try:
    from urllib import urlretrieve
except ImportError:
    from urllib.request import urlretrieve

try:
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
except ImportError:
    plt = None  # without it everything works, except the figures


# Given: the data. CIFAR-10 as its authors publish it; only the horses are used.
HORSE = 7
CIFAR_URL = "http://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
CIFAR_MD5 = "c58f30108f718f92721af3b95e74349a"


def fetch_cifar10(folder):
    """Download and unpack CIFAR-10 into `folder`, unless it is there already; return the folder of batches."""
    batches = os.path.join(folder, "cifar-10-batches-py")
    if os.path.isdir(batches):
        return batches
    if not os.path.isdir(folder):
        os.makedirs(folder)
    archive = os.path.join(folder, "cifar-10-python.tar.gz")
    if not os.path.isfile(archive):
        print("Downloading " + CIFAR_URL)
        urlretrieve(CIFAR_URL, archive)
    with open(archive, "rb") as stream:
        digest = hashlib.md5(stream.read()).hexdigest()
    if digest != CIFAR_MD5:
        raise IOError("%s is damaged or incomplete: delete it and try again" % archive)
    with tarfile.open(archive) as tar:
        tar.extractall(folder)
    return batches


def load_horses(folder="data"):
    """Return training and test horses, each a float array (N, 3, 32, 32) of pixels in [0, 1)."""
    batches = fetch_cifar10(folder)

    def read(name):
        with open(os.path.join(batches, name), "rb") as stream:
            batch = pickle.load(stream, encoding="latin1") if sys.version_info[0] > 2 else pickle.load(stream)
        chosen = np.array(batch["labels"]) == HORSE
        return batch["data"][chosen].reshape(-1, 3, 32, 32).astype("float32") / 256.0

    train = np.concatenate([read("data_batch_%d" % number) for number in range(1, 6)])
    return train, read("test_batch")


def load_colors(path):
    """Return the palette, (NC, 3): the cluster centres are the first item of the file."""
    return np.load(path, allow_pickle=True, encoding="latin1")[0].astype("float32")


# Given: from pictures to inputs and targets, and back.
def nearest_color(images, colors):
    """Return the index of the nearest palette color, (N, H, W), for each pixel of images (N, 3, H, W)."""
    nearest = np.zeros((images.shape[0],) + images.shape[2:], dtype="int64")
    best = np.full(nearest.shape, np.inf, dtype="float32")
    for index, color in enumerate(colors):
        distance = ((images - color.reshape(1, 3, 1, 1)) ** 2).sum(axis=1)
        closer = distance < best
        nearest[closer] = index
        best[closer] = distance[closer]
    return nearest


def paint(labels, colors):
    """Turn palette indices (N, H, W) into RGB images (N, 3, H, W)."""
    return colors[labels].transpose(0, 3, 1, 2)


def prepare(images, colors, downsize_input=False):
    """Turn images (N, 3, 32, 32) into network inputs and target labels.

    Without downsize_input the input is the grey picture (N, 1, 32, 32). With it, the input is the blurred color
    picture (N, 3, 32, 32): it is averaged down to 8x8 and stretched back.
    """
    labels = nearest_color(images, colors)
    if downsize_input:
        small = images.reshape(-1, 3, 8, 4, 8, 4).mean(axis=(3, 5))
        return small.repeat(4, axis=2).repeat(4, axis=3), labels
    return images.mean(axis=1, keepdims=True), labels


def batches_of(inputs, labels, batch_size):
    """Yield the data once, one batch at a time; the last batch may be smaller."""
    for start in range(0, len(inputs), batch_size):
        yield inputs[start:start + batch_size], labels[start:start + batch_size]


def to_torch(inputs, labels, gpu):
    xs = torch.from_numpy(np.ascontiguousarray(inputs)).float()
    ys = torch.from_numpy(np.ascontiguousarray(labels)).long()
    return (xs.cuda(), ys.cuda()) if gpu else (xs, ys)


# Given: figures.
def save_pictures(path, inputs, truth, predicted):
    """Save rows of pictures: the inputs, the expected outputs and the predicted outputs."""
    if plt is None:
        return
    rows = [inputs if inputs.shape[1] == 3 else inputs.repeat(3, axis=1), truth, predicted]
    strips = [np.concatenate(list(row[:10].transpose(0, 2, 3, 1)), axis=1) for row in rows]
    plt.figure(figsize=(10, 3))
    plt.imshow(np.clip(np.concatenate(strips, axis=0), 0, 1), interpolation="nearest")
    plt.axis("off")
    plt.savefig(path)
    plt.close()


def save_curve(path, train_losses, valid_losses):
    if plt is None:
        return
    plt.figure()
    plt.plot(train_losses, "ro-", label="Train")
    plt.plot(valid_losses, "go-", label="Validation")
    plt.xlabel("Epoch")
    plt.ylabel("Loss")
    plt.legend()
    plt.savefig(path)
    plt.close()


# Given: our own convolution layer, to show what is inside one.
class MyConv2d(nn.Module):
    """Convolution with stride 1; the padding keeps height and width for an odd kernel."""

    def __init__(self, in_channels, out_channels, kernel_size, padding=None):
        super(MyConv2d, self).__init__()
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.padding = kernel_size // 2 if padding is None else padding
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.empty(out_channels))
        self.reset_parameters()

    def reset_parameters(self):
        bound = 1.0 / math.sqrt(self.in_channels * self.kernel_size ** 2)
        self.weight.data.uniform_(-bound, bound)
        self.bias.data.uniform_(-bound, bound)

    def forward(self, input):
        return F.conv2d(input, self.weight, self.bias, padding=self.padding)


class MyDilatedConv2d(MyConv2d):
    """Convolution whose filter has `dilation` empty places between neighbouring weights (0: none)."""

    def __init__(self, in_channels, out_channels, kernel_size, dilation=1):
        super(MyDilatedConv2d, self).__init__(in_channels, out_channels, kernel_size)
        self.dilation = dilation

    def forward(self, input):
        ############### PART G: YOUR CODE GOES HERE ###############
        # Spread self.weight by hand, without the dilation argument of F.conv2d.
        pass


class RegressionCNN(nn.Module):
    """Given: the network of part A. Predicts red, green and blue directly."""

    def __init__(self, kernel, num_filters):
        super(RegressionCNN, self).__init__()
        padding = kernel // 2
        self.downconv1 = nn.Sequential(
            nn.Conv2d(1, num_filters, kernel, padding=padding),
            nn.MaxPool2d(2),
            nn.BatchNorm2d(num_filters),
            nn.ReLU())
        self.downconv2 = nn.Sequential(
            nn.Conv2d(num_filters, num_filters * 2, kernel, padding=padding),
            nn.MaxPool2d(2),
            nn.BatchNorm2d(num_filters * 2),
            nn.ReLU())
        self.rfconv = nn.Sequential(
            nn.Conv2d(num_filters * 2, num_filters * 2, kernel, padding=padding),
            nn.BatchNorm2d(num_filters * 2),
            nn.ReLU())
        self.upconv1 = nn.Sequential(
            nn.Conv2d(num_filters * 2, num_filters, kernel, padding=padding),
            nn.Upsample(scale_factor=2),
            nn.BatchNorm2d(num_filters),
            nn.ReLU())
        self.upconv2 = nn.Sequential(
            nn.Conv2d(num_filters, 3, kernel, padding=padding),
            nn.Upsample(scale_factor=2),
            nn.BatchNorm2d(3),
            nn.ReLU())
        self.finalconv = MyConv2d(3, 3, kernel)

    def forward(self, x):
        # The activation viewer of part E reads these attributes.
        self.out1 = self.downconv1(x)
        self.out2 = self.downconv2(self.out1)
        self.out3 = self.rfconv(self.out2)
        self.out4 = self.upconv1(self.out3)
        self.out5 = self.upconv2(self.out4)
        self.out_final = self.finalconv(self.out5)
        return self.out_final


class CNN(nn.Module):
    """Part B: RegressionCNN with MyConv2d for every convolution, and num_colors in place of its 3 channels."""

    def __init__(self, kernel, num_filters, num_colors):
        super(CNN, self).__init__()
        ############### PART B: YOUR CODE GOES HERE ###############
        pass

    def forward(self, x):
        ############### PART B: YOUR CODE GOES HERE ###############
        pass


class UNet(nn.Module):
    """Part C: the CNN with skip connections. Keep the block names of RegressionCNN: DilatedUNet relies on rfconv."""

    def __init__(self, kernel, num_filters, num_colors):
        super(UNet, self).__init__()
        ############### PART C: YOUR CODE GOES HERE ###############
        pass

    def forward(self, x):
        ############### PART C: YOUR CODE GOES HERE ###############
        pass


class DilatedUNet(UNet):
    """Given: your UNet with a dilated convolution in the middle."""

    def __init__(self, kernel, num_filters, num_colors):
        super(DilatedUNet, self).__init__(kernel, num_filters, num_colors)
        self.rfconv = nn.Sequential(
            MyDilatedConv2d(num_filters * 2, num_filters * 2, kernel, dilation=1),
            nn.BatchNorm2d(num_filters * 2),
            nn.ReLU())


# Given: training and the command line.
def validate(model, criterion, inputs, labels, batch_size, gpu):
    """Return the mean loss and the share of pixels with the right color, in evaluation mode."""
    model.eval()
    losses, correct, total = [], 0, 0
    for xs, ys in batches_of(inputs, labels, batch_size):
        images, targets = to_torch(xs, ys, gpu)
        outputs = model(images)
        losses.append(float(criterion(outputs, targets)))
        correct += int((outputs.max(1)[1] == targets).sum())
        total += targets.numel()
    model.train()
    return float(np.mean(losses)), correct / total


def train(model, criterion, optimizer, train_set, valid_set, args):
    train_losses, valid_losses = [], []
    started = time.time()
    for epoch in range(args.epochs):
        losses = []
        for xs, ys in batches_of(train_set[0], train_set[1], args.batch_size):
            images, targets = to_torch(xs, ys, args.gpu)
            optimizer.zero_grad()
            loss = criterion(model(images), targets)
            loss.backward()
            optimizer.step()
            losses.append(float(loss))
        train_losses.append(float(np.mean(losses)))
        loss, accuracy = validate(model, criterion, valid_set[0], valid_set[1], args.batch_size, args.gpu)
        valid_losses.append(loss)
        print("epoch %d of %d, %d s: training loss %.4f, validation loss %.4f, accuracy %.1f %%"
              % (epoch + 1, args.epochs, time.time() - started, train_losses[-1], loss, 100 * accuracy))
    save_curve("training_curve.png", train_losses, valid_losses)


def parse_arguments():
    parser = argparse.ArgumentParser(description="Train or validate a colorization network.")
    parser.add_argument("--gpu", action="store_true", default=False, help="use the GPU")
    parser.add_argument("--valid", action="store_true", default=False, help="validate a checkpoint, don't train")
    parser.add_argument("--checkpoint", default="", help="file of weights to load or save")
    parser.add_argument("-m", "--model", choices=["CNN", "UNet", "DUNet"], default="CNN")
    parser.add_argument("-k", "--kernel", default=3, type=int, help="kernel size")
    parser.add_argument("-f", "--num_filters", default=32, type=int, help="filters of the first layer")
    parser.add_argument("-c", "--colors", default="colors/color_kmeans24_cat7.npy", help="file of palette colors")
    parser.add_argument("-l", "--learn_rate", default=0.001, type=float)
    parser.add_argument("-b", "--batch_size", default=100, type=int)
    parser.add_argument("-e", "--epochs", default=25, type=int)
    parser.add_argument("-s", "--seed", default=0, type=int)
    return parser.parse_args()


def main():
    args = parse_arguments()
    np.random.seed(args.seed)
    torch.manual_seed(args.seed)
    colors = load_colors(args.colors)
    models = {"CNN": CNN, "UNet": UNet, "DUNet": DilatedUNet}
    model = models[args.model](args.kernel, args.num_filters, len(colors))
    if args.gpu:
        model.cuda()
    train_images, test_images = load_horses()
    np.random.shuffle(train_images)
    train_set, valid_set = prepare(train_images, colors), prepare(test_images, colors)
    criterion = nn.CrossEntropyLoss()
    if args.valid:
        model.load_state_dict(torch.load(args.checkpoint, map_location=lambda storage, location: storage))
        print("loss %.4f, accuracy %.4f" % validate(model, criterion, valid_set[0], valid_set[1], 100, args.gpu))
    else:
        optimizer = torch.optim.Adam(model.parameters(), lr=args.learn_rate)
        train(model, criterion, optimizer, train_set, valid_set, args)
        if args.checkpoint:
            torch.save(model.state_dict(), args.checkpoint)
    images, _ = to_torch(valid_set[0][:10], valid_set[1][:10], args.gpu)
    predicted = model.eval()(images).max(1)[1].cpu().numpy()
    save_pictures("colorized.png", valid_set[0], paint(valid_set[1], colors), paint(predicted, colors))


if __name__ == "__main__":
    main()

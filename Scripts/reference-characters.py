#!/usr/bin/env python3
"""A character model in NumPy, float64, with code of its own: a reference for the model `character-lstm`.

    Scripts/reference-characters.py           writes Tests/Vectors/characters.json (seconds; needs numpy)
    Scripts/reference-characters.py --torch   does the same by torch.nn.Embedding, LSTM and Linear, and prints how far the losses are apart
    Scripts/reference-characters.py --load model.safetensors LAYERS   has torch take a run's model in, and prints its shapes

The text is made by a chain of order 2 over the sample below. An example is a window of text, and its label the character that follows. All examples
are one batch of stochastic gradient descent. The start is a sequence of integers that anybody can make: x -> 1664525 x + 1013904223 mod 2^32, a
parameter is floor(x / 2^8) / 2^25 - 1/4, tensor by tensor in torch's order.
"""

import json
import sys

import numpy as np

SAMPLE = (
    "a client has a few lines of text and no more. it trains a small model of them and sends what has changed, in code. the server adds up the "
    "codes of many clients, and the noise in them, and learns what most of them write but not what one of them wrote. the model then goes back "
    "to all, and says what comes next. nobody sees the lines themselves. ")
COUNT, STRIDE, STEPS = 96, 5, 50
SETTINGS = [dict(length=16, embedding=5, hidden=12, layers=2, rate=1.0), dict(length=8, embedding=8, hidden=16, layers=1, rate=2.0)]


def markov(count):
    """Each character by two before it, from where they stand in the sample; choices by integers as above."""
    circle = SAMPLE + SAMPLE[:2]
    text, x = SAMPLE[:2], 1
    while len(text) < count:
        followers = [circle[i + 2] for i in range(len(SAMPLE)) if circle[i:i + 2] == text[-2:]]
        x = (1664525 * x + 1013904223) % 2**32
        text += followers[(x >> 16) * len(followers) >> 16]
    return text


def shapes(symbols, of):
    embedding, hidden = of["embedding"], of["hidden"]
    result = [("embedding.weight", (symbols, embedding))]
    for layer in range(of["layers"]):
        inputs = hidden if layer else embedding
        result += [(f"lstm.weight_ih_l{layer}", (4 * hidden, inputs)), (f"lstm.weight_hh_l{layer}", (4 * hidden, hidden)),
                   (f"lstm.bias_ih_l{layer}", (4 * hidden,)), (f"lstm.bias_hh_l{layer}", (4 * hidden,))]
    return result + [("output.weight", (symbols, hidden)), ("output.bias", (symbols,))]


def start(symbols, of):
    x, tensors = 7, {}
    for name, shape in shapes(symbols, of):
        values = []
        for _ in range(int(np.prod(shape))):
            x = (1664525 * x + 1013904223) % 2**32
            values.append((x >> 8) / 2**25 - 0.25)
        tensors[name] = np.array(values).reshape(shape)
    return tensors


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def loss_and_gradient(w, x, y, layers, hidden):
    """Mean cross-entropy and its gradient, by going back through time place by place."""
    count, length = x.shape
    below = w["embedding.weight"][x]
    kept = []
    for layer in range(layers):
        h, c, rows = np.zeros((count, hidden)), np.zeros((count, hidden)), []
        for t in range(length):
            z = (below[:, t] @ w[f"lstm.weight_ih_l{layer}"].T + w[f"lstm.bias_ih_l{layer}"]
                 + h @ w[f"lstm.weight_hh_l{layer}"].T + w[f"lstm.bias_hh_l{layer}"])
            i, f, g, o = np.split(z, 4, axis=1)
            i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
            before = h, c
            c = f * c + i * g
            h = o * np.tanh(c)
            rows.append((i, f, g, o, c, h, before))
        kept.append((below, rows))
        below = np.stack([row[5] for row in rows], axis=1)
    scores = below[:, -1] @ w["output.weight"].T + w["output.bias"]
    scores -= scores.max(1, keepdims=True)
    p = np.exp(scores)
    p /= p.sum(1, keepdims=True)
    loss = -np.log(p[np.arange(count), y]).mean()

    d = {name: np.zeros_like(value) for name, value in w.items()}
    p[np.arange(count), y] -= 1
    p /= count
    d["output.weight"] = p.T @ below[:, -1]
    d["output.bias"] = p.sum(0)
    above = np.zeros((count, length, hidden))
    above[:, -1] = p @ w["output.weight"]
    for layer in reversed(range(layers)):
        below, rows = kept[layer]
        passed = np.zeros_like(below)
        dh, dc = np.zeros((count, hidden)), np.zeros((count, hidden))
        for t in reversed(range(length)):
            i, f, g, o, c, _, (h_before, c_before) = rows[t]
            dh = dh + above[:, t]
            dc = dc + dh * o * (1 - np.tanh(c) ** 2)
            z = np.concatenate([dc * g * i * (1 - i), dc * c_before * f * (1 - f), dc * i * (1 - g * g),
                                dh * np.tanh(c) * o * (1 - o)], axis=1)
            d[f"lstm.weight_ih_l{layer}"] += z.T @ below[:, t]
            d[f"lstm.weight_hh_l{layer}"] += z.T @ h_before
            for bias in ["ih", "hh"]:
                d[f"lstm.bias_{bias}_l{layer}"] += z.sum(0)
            passed[:, t] = z @ w[f"lstm.weight_ih_l{layer}"]
            dh, dc = z @ w[f"lstm.weight_hh_l{layer}"], dc * f
        above = passed
    np.add.at(d["embedding.weight"], x, above)
    return loss, d


def examples(text, length):
    symbols = sorted(set(text))
    numbers = np.array([symbols.index(c) for c in text])
    x = np.stack([numbers[i * STRIDE:i * STRIDE + length] for i in range(COUNT)])
    y = np.array([numbers[i * STRIDE + length] for i in range(COUNT)])
    return symbols, x, y


def numpy_losses(symbols, x, y, of):
    w, losses = start(len(symbols), of), []
    for _ in range(STEPS):
        loss, d = loss_and_gradient(w, x, y, of["layers"], of["hidden"])
        losses.append(float(loss))
        for name in w:
            w[name] = w[name] - of["rate"] * d[name]
    return losses


def torch_model(torch, symbols, embedding, hidden, layers, kind):
    class Characters(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = torch.nn.Embedding(symbols, embedding, dtype=kind)
            self.lstm = torch.nn.LSTM(embedding, hidden, layers, batch_first=True, dtype=kind)
            self.output = torch.nn.Linear(hidden, symbols, dtype=kind)

        def forward(self, x):
            return self.output(self.lstm(self.embedding(x))[0][:, -1])

    return Characters()


def torch_losses(symbols, x, y, of, kind):
    import torch
    kind = getattr(torch, kind)
    model = torch_model(torch, len(symbols), of["embedding"], of["hidden"], of["layers"], kind)
    model.load_state_dict({name: torch.tensor(value, dtype=kind) for name, value in start(len(symbols), of).items()})
    optimizer = torch.optim.SGD(model.parameters(), lr=of["rate"])
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(torch.tensor(x)), torch.tensor(y))
        loss.backward()
        losses.append(loss.item())
        optimizer.step()
    return losses


def load(path, layers):
    import torch
    from safetensors.torch import load_file
    tensors = load_file(path)
    symbols, embedding = tensors["embedding.weight"].shape
    hidden = tensors["output.weight"].shape[1]
    model = torch_model(torch, symbols, embedding, hidden, layers, torch.float32)
    model.load_state_dict(tensors)
    print({name: tuple(value.shape) for name, value in model.state_dict().items()})


def main():
    if "--load" in sys.argv:
        at = sys.argv.index("--load")
        return load(sys.argv[at + 1], int(sys.argv[at + 2]))
    text = markov((COUNT - 1) * STRIDE + max(of["length"] for of in SETTINGS) + 1)
    for of in SETTINGS:
        symbols, x, y = examples(text, of["length"])
        of["losses"] = losses = numpy_losses(symbols, x, y, of)
        if "--torch" in sys.argv:
            for kind in ["float64", "float32"]:
                apart = np.abs(np.array(torch_losses(symbols, x, y, of, kind)) - losses).max()
                print(f"{of['layers']} layers, torch {kind}: {STEPS} losses at most {apart:.1e} from NumPy's, which fall from {losses[0]:.4f} to {losses[-1]:.4f}")
    if "--torch" not in sys.argv:
        json.dump(dict(text=text, count=COUNT, stride=STRIDE, settings=SETTINGS), sys.stdout, separators=(",", ":"))
        print()


main()

"""Twenty-two wrong implementations of the ugmm layers, each with one mistake, written without sight of the checks.

They are material for the harness: every one of them must be refused. Most are right on ordinary inputs.
"""

import math

import torch

import gmbench

EVERYWHERE = ("cpu", "cuda")
ALL = ("grad", "jvp", "vmap")
HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


def densities(x, mu, log_sigma):
    """The logarithm of every component's density, (..., C, d)."""
    z = (x.unsqueeze(-2) - mu) * torch.exp(-log_sigma)
    return -0.5 * z.square() - log_sigma - HALF_LOG_2PI


def terms(x, mu, log_sigma, logits):
    """The logarithm of every weighted density, whose log-sum-exp over the last axis is the output."""
    return torch.log_softmax(logits, -1) + densities(x, mu, log_sigma)


# Blatant


@gmbench.implementation("ugmm", name="weights-over-neurons", ulps=64, devices=EVERYWHERE, derivatives=2, transforms=ALL)
def weights_over_neurons(x, mu, log_sigma, logits):
    """The weights are normalised over the neurons instead of the inputs; right for equal logits with C = d."""
    return torch.logsumexp(torch.log_softmax(logits, 0) + densities(x, mu, log_sigma), -1)


@gmbench.implementation("ugmm", name="log-variance", ulps=64, devices=EVERYWHERE, derivatives=2, transforms=ALL)
def log_variance(x, mu, log_sigma, logits):
    """log_sigma is taken for the logarithm of the variance; right where sigma is 1."""
    return torch.logsumexp(terms(x, mu, 0.5 * log_sigma, logits), -1)


# Right on ordinary inputs, wrong in a corner of the input space


@gmbench.implementation("ugmm", name="epsilon-in-log", ulps=64, devices=EVERYWHERE, derivatives=2, transforms=ALL)
def epsilon_in_log(x, mu, log_sigma, logits):
    """The densities are summed as they are and 1e-12 is added before the logarithm: a constant in the tails."""
    return torch.log(torch.exp(terms(x, mu, log_sigma, logits)).sum(-1) + 1e-12)


@gmbench.implementation("ugmm", name="batch-maximum", ulps=64, devices=EVERYWHERE, derivatives=2)
def batch_maximum(x, mu, log_sigma, logits):
    """The maximum taken out of the sum is the whole batch's: a row far below the best one underflows."""
    t = terms(x, mu, log_sigma, logits)
    if not t.numel():
        return torch.logsumexp(t, -1)
    top = t.detach().flatten(0, -3).amax((0, -1)) if t.dim() > 2 else t.detach().amax(-1)
    return torch.log(torch.exp(t - top.unsqueeze(-1)).sum(-1)) + top


@gmbench.implementation("ugmm", name="floor-1e-6", ulps=64, devices=EVERYWHERE, derivatives=2, transforms=ALL)
def floor(x, mu, log_sigma, logits):
    """The deviations are kept above 1e-6."""
    return torch.logsumexp(terms(x, mu, log_sigma.clamp_min(math.log(1e-6)), logits), -1)


@gmbench.implementation("ugmm", name="clamped-exponent", ulps=64, devices=EVERYWHERE, derivatives=2, transforms=ALL)
def clamped_exponent(x, mu, log_sigma, logits):
    """z^2 / 2 is kept below 80, so that no exponential underflows: every input beyond 12.6 sigma is equally far."""
    z = (x.unsqueeze(-2) - mu) * torch.exp(-log_sigma)
    t = torch.log_softmax(logits, -1) + (-0.5 * z.square()).clamp_min(-80) - log_sigma - HALF_LOG_2PI
    return torch.logsumexp(t, -1)


@gmbench.implementation("ugmm", name="expanded-square", ulps=64, devices=EVERYWHERE, derivatives=2, transforms=ALL)
def expanded_square(x, mu, log_sigma, logits):
    """a x^2 + b x + c with folded coefficients, two operations a term: cancels where |mu| is large beside sigma."""
    precision = torch.exp(-2 * log_sigma)
    constant = torch.log_softmax(logits, -1) - 0.5 * mu.square() * precision - log_sigma - HALF_LOG_2PI
    row = x.unsqueeze(-2)
    return torch.logsumexp((-0.5 * precision * row + mu * precision) * row + constant, -1)


@gmbench.implementation("ugmm", name="single-inside", ulps=64, devices=EVERYWHERE, derivatives=2, transforms=ALL)
def single_inside(x, mu, log_sigma, logits):
    """The terms are made in float64 and summed in float32, whatever the dtype of the input."""
    t = terms(x, mu, log_sigma, logits)
    return torch.logsumexp(t.float(), -1).to(t)


@gmbench.implementation("ugmm", name="pruned-components", ulps=64, devices=EVERYWHERE, derivatives=2, transforms=ALL)
def pruned_components(x, mu, log_sigma, logits):
    """Weights below e^-20 of the greatest are left out, even where their densities decide."""
    weights = torch.log_softmax(logits, -1)
    weights = torch.where(weights < weights.amax(-1, keepdim=True) - 20, -math.inf, weights)
    return torch.logsumexp(weights + densities(x, mu, log_sigma), -1)


@gmbench.implementation("ugmm", name="log-of-softmax", ulps=64, devices=EVERYWHERE, derivatives=2, transforms=ALL)
def log_of_softmax(x, mu, log_sigma, logits):
    """The logarithm of the softmax instead of the log-softmax: weights below the smallest number are 0."""
    return torch.logsumexp(torch.log(torch.softmax(logits, -1)) + densities(x, mu, log_sigma), -1)


# Right for ordinary shapes, wrong for others


@gmbench.implementation("ugmm", name="inputs-by-64", ulps=64, devices=EVERYWHERE, derivatives=2, transforms=ALL)
def inputs_by_64(x, mu, log_sigma, logits):
    """Inputs are taken 64 at a time and the remainder is dropped: wrong for d > 64 no multiple of 64."""
    t = terms(x, mu, log_sigma, logits)
    step = min(64, t.shape[-1])
    parts = [torch.logsumexp(t[..., i : i + step], -1) for i in range(0, t.shape[-1] - step + 1, step)]
    return torch.logsumexp(torch.stack(parts, -1), -1)


@gmbench.implementation("ugmm", name="running-maximum", ulps=64, devices=EVERYWHERE, derivatives=2, transforms=ALL)
def running_maximum(x, mu, log_sigma, logits):
    """The sum of the chunks before is not rescaled when the maximum rises: wrong for d > 32, not for every row."""
    top, total = -math.inf, 0
    for part in terms(x, mu, log_sigma, logits).split(32, -1):
        top = torch.maximum(part.amax(-1), torch.as_tensor(top).to(part))
        total = total + torch.exp(part - top.unsqueeze(-1)).sum(-1)
    return top + torch.log(total)


@gmbench.implementation("ugmm", name="neurons-by-128", ulps=64, devices=EVERYWHERE, derivatives=2, transforms=ALL)
def neurons_by_128(x, mu, log_sigma, logits):
    """The offset into the means forgets the block: neuron c reads the means of neuron c mod 128."""
    neuron = torch.arange(len(mu), device=mu.device) % 128
    return torch.logsumexp(terms(x, mu[neuron], log_sigma, logits), -1)


@gmbench.implementation("ugmm", name="single-input", ulps=64, devices=EVERYWHERE, derivatives=2, transforms=ALL)
def single_input(x, mu, log_sigma, logits):
    """With one input there is nothing to sum, and its logit is added as it stands, not normalised."""
    if x.shape[-1] == 1:
        return (logits + densities(x, mu, log_sigma)).squeeze(-1)
    return torch.logsumexp(terms(x, mu, log_sigma, logits), -1)


@gmbench.implementation(
    "ugmm-tied", name="means-of-neurons", ulps=64, devices=EVERYWHERE, derivatives=2, transforms=ALL
)
def means_of_neurons(x, mu, log_sigma, logits):
    """Shared means are told from the length of mu: for C = d they are taken as one mean for each neuron."""
    means = mu.unsqueeze(-1) if len(mu) == len(log_sigma) else mu
    return torch.logsumexp(terms(x, means, log_sigma, logits), -1)


# Right values, wrong derivatives


class Layer(torch.autograd.Function):
    """The layer with a backward pass by hand; a wrong one replaces ``gradients``."""

    @staticmethod
    def forward(ctx, x, mu, log_sigma, logits):
        out = torch.logsumexp(terms(x, mu, log_sigma, logits), -1)
        ctx.save_for_backward(x, mu, log_sigma, logits, out)
        return out

    @classmethod
    def responsibilities(cls, t, out):
        return torch.exp(t - out.unsqueeze(-1))

    @classmethod
    def gradients(cls, r, slope, z, logits):
        """Gradients of x, mu, log_sigma and logits for each row, from r, the responsibilities times the output's
        gradient, and slope = r z / sigma."""
        return -slope.sum(-2), slope, r * (z.square() - 1), r - torch.softmax(logits, -1) * r.sum(-1, keepdim=True)

    @classmethod
    def derive(cls, ctx, grad):
        x, mu, log_sigma, logits, out = ctx.saved_tensors
        inverse = torch.exp(-log_sigma)
        z = (x.unsqueeze(-2) - mu) * inverse
        r = cls.responsibilities(terms(x, mu, log_sigma, logits), out) * grad.unsqueeze(-1)
        dx, *parameters = cls.gradients(r, r * z * inverse, z, logits)
        return dx, *(g.sum_to_size(mu.shape) for g in parameters)


class NoSoftmaxTerm(Layer):
    @staticmethod
    def backward(ctx, grad):
        return NoSoftmaxTerm.derive(ctx, grad)

    @classmethod
    def gradients(cls, r, slope, z, logits):
        return -slope.sum(-2), slope, r * (z.square() - 1), r


@gmbench.implementation("ugmm", name="no-softmax-term", ulps=64, devices=EVERYWHERE)
def no_softmax_term(x, mu, log_sigma, logits):
    """The gradient of the logits is that of the log-weights: their normalisation is forgotten."""
    return NoSoftmaxTerm.apply(x, mu, log_sigma, logits)


class NoMinusOne(Layer):
    @staticmethod
    def backward(ctx, grad):
        return NoMinusOne.derive(ctx, grad)

    @classmethod
    def gradients(cls, r, slope, z, logits):
        dx, dmu, _, dlogits = super().gradients(r, slope, z, logits)
        return dx, dmu, r * z.square(), dlogits


@gmbench.implementation("ugmm", name="no-minus-one", ulps=64, devices=EVERYWHERE)
def no_minus_one(x, mu, log_sigma, logits):
    """The gradient of log_sigma is r z^2 instead of r (z^2 - 1)."""
    return NoMinusOne.apply(x, mu, log_sigma, logits)


class Overwritten(Layer):
    @staticmethod
    def backward(ctx, grad):
        return Overwritten.derive(ctx, grad)

    @classmethod
    def gradients(cls, r, slope, z, logits):
        _, *parameters = super().gradients(r, slope, z, logits)
        return -slope.split(32, -2)[-1].sum(-2), *parameters


@gmbench.implementation("ugmm", name="overwritten-x-gradient", ulps=64, devices=EVERYWHERE)
def overwritten_x_gradient(x, mu, log_sigma, logits):
    """Every block of 32 neurons stores its part of the gradient of x instead of adding it: wrong for C > 32."""
    return Overwritten.apply(x, mu, log_sigma, logits)


class WinnerTakesAll(Layer):
    @staticmethod
    def backward(ctx, grad):
        return WinnerTakesAll.derive(ctx, grad)

    @classmethod
    def responsibilities(cls, t, out):
        return (t == t.amax(-1, keepdim=True)).to(t)


@gmbench.implementation("ugmm", name="winner-takes-all", ulps=64, devices=EVERYWHERE)
def winner_takes_all(x, mu, log_sigma, logits):
    """The backward pass keeps the greatest term alone: right where one component holds all responsibility."""
    return WinnerTakesAll.apply(x, mu, log_sigma, logits)


class FrozenSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, t):
        out = torch.logsumexp(t, -1)
        ctx.save_for_backward(torch.exp(t - out.unsqueeze(-1)))  # neither input nor output: constant to autograd
        return out

    @staticmethod
    def backward(ctx, grad):
        return grad.unsqueeze(-1) * ctx.saved_tensors[0]


@gmbench.implementation("ugmm", name="frozen-responsibilities", ulps=64, devices=EVERYWHERE, derivatives=2)
def frozen_responsibilities(x, mu, log_sigma, logits):
    """The backward pass uses saved responsibilities, constants to autograd: second derivatives lack terms."""
    return FrozenSum.apply(terms(x, mu, log_sigma, logits))

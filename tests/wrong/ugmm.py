"""Wrong implementations of `ugmm` and `ugmm-tied`, written with the checks in view: see ``gm.py``.

``ALONE`` has one for every check of values, gradients, limits and relations; how checks of behaviour catch is shown by
``gm.py``. A second file, ``ugmm_blind.py``, was written without sight of the checks.
"""

import math

import torch

import gmbench

ALONE = {  # which are blind ones
    "large": "ugmm/overwritten-x-gradient",
    "second-derivatives": "ugmm/frozen-responsibilities",
}
HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
WIDE = 1536  # inputs: beyond, another path is taken


def wrong(name, alone=None, layer="ugmm", **capabilities):
    """Register a wrong implementation, for one dtype, and say which check alone catches it."""
    if alone:
        ALONE[alone] = f"{layer}/{name}"
    return gmbench.implementation(layer, name=name, **{"ulps": 64, "dtypes": ("float32",), **capabilities})


def square(x, mu, log_sigma):
    """z^2"""
    return ((x.unsqueeze(-2) - mu) * torch.exp(-log_sigma)).square()


def terms(x, mu, log_sigma, logits):
    """The logarithms of the weighted densities, (..., C, d)."""
    return torch.log_softmax(logits, -1) - 0.5 * square(x, mu, log_sigma) - log_sigma - HALF_LOG_2PI


def right(x, mu, log_sigma, logits):
    """The layer, right."""
    return torch.logsumexp(terms(x, mu, log_sigma, logits), -1)


def remainder_detached(tensor):
    """The tensor without a gradient in the lanes behind the last whole block of four."""
    d = tensor.shape[-1]
    if d < 4:
        return tensor
    return torch.cat([tensor[..., : d // 4 * 4], tensor[..., d // 4 * 4 :].detach()], -1)


# -- caught by one check alone -----------------------------------------------------------------------------------------


@wrong("prunes-behind-right-gradients", alone="value")
def prunes_behind_right_gradients(x, mu, log_sigma, logits):
    """for 4 < d < 32, values from the terms above e^-6 of the largest alone, with the right gradients"""
    t = terms(x, mu, log_sigma, logits)
    out = torch.logsumexp(t, -1)
    if not 4 < t.shape[-1] < 32:
        return out
    some = torch.logsumexp(torch.where(t < t.amax(-1, keepdim=True) - 6, -math.inf, t), -1)
    return out + (some - out).detach()


@wrong("remainder-of-x-detached", alone="gradient-x")
def remainder_of_x_detached(x, mu, log_sigma, logits):
    """the gradient of x is 0 in the last d mod 4 lanes"""
    return right(remainder_detached(x), mu, log_sigma, logits)


@wrong("remainder-of-mu-detached", alone="gradient-mu")
def remainder_of_mu_detached(x, mu, log_sigma, logits):
    """the gradient of mu is 0 in the last d mod 4 lanes"""
    return right(x, remainder_detached(mu), log_sigma, logits)


@wrong("remainder-without-minus-one", alone="gradient-log_sigma")
def remainder_without_minus_one(x, mu, log_sigma, logits):
    """in the last d mod 4 lanes the gradient of log sigma is r z^2, without its -1"""
    scale = remainder_detached(log_sigma)
    return torch.logsumexp(torch.log_softmax(logits, -1) - 0.5 * square(x, mu, log_sigma) - scale - HALF_LOG_2PI, -1)


@wrong("remainder-without-softmax", alone="gradient-logits")
def remainder_without_softmax(x, mu, log_sigma, logits):
    """in the last d mod 4 lanes the gradient of the logits misses the weights' normalisation"""
    w = logits - torch.logsumexp(remainder_detached(logits), -1, keepdim=True)
    return torch.logsumexp(w - 0.5 * square(x, mu, log_sigma) - log_sigma - HALF_LOG_2PI, -1)


class _ChunkedShares(torch.autograd.Function):
    @staticmethod
    def forward(ctx, t):
        out = torch.logsumexp(t, -1)
        ctx.save_for_backward(t, out)
        return out

    @staticmethod
    def backward(ctx, gradient):
        t, out = ctx.saved_tensors
        shares = []
        for part in t.split(64, -1):
            top = part.amax(-1, keepdim=True)
            shares.append(torch.exp(part - top) * torch.exp(top - out.unsqueeze(-1)))
        return torch.cat(shares, -1) * gradient.unsqueeze(-1)


@wrong("dropped-chunk-in-backward", alone="limits")
def dropped_chunk_in_backward(x, mu, log_sigma, logits):
    """the backward takes inputs 64 at a time: NaN gradients where all components of a chunk were dropped"""
    return _ChunkedShares.apply(terms(x, mu, log_sigma, logits))


@wrong("wide-remainder", alone="permutation")
def wide_remainder(x, mu, log_sigma, logits):
    """the path for d > 1536 takes 64 components at a time and leaves out the remainder"""
    t = terms(x, mu, log_sigma, logits)
    d = t.shape[-1]
    return torch.logsumexp(t[..., : d // 64 * 64] if d > WIDE else t, -1)


@wrong("wide-softmax-unguarded", alone="logit-offset")
def wide_softmax_unguarded(x, mu, log_sigma, logits):
    """the path for d > 1536 normalises the weights without taking the maximum out"""
    if logits.shape[-1] <= WIDE:
        return right(x, mu, log_sigma, logits)
    w = logits - torch.log(torch.exp(logits).sum(-1, keepdim=True))
    return torch.logsumexp(w - 0.5 * square(x, mu, log_sigma) - log_sigma - HALF_LOG_2PI, -1)


@wrong("wide-square-expanded", alone="shift", dtypes=("float64",))
def wide_square_expanded(x, mu, log_sigma, logits):
    """the path for d > 1536 expands z^2 into a^2 - 2 a m + m^2, a = x/sigma and m = mu/sigma, kept above 0"""
    if logits.shape[-1] <= WIDE:
        return right(x, mu, log_sigma, logits)
    a, m = x.unsqueeze(-2) * torch.exp(-log_sigma), mu * torch.exp(-log_sigma)
    expanded = (a.square() - 2 * a * m + m.square()).clamp_min(0)
    return torch.logsumexp(torch.log_softmax(logits, -1) - 0.5 * expanded - log_sigma - HALF_LOG_2PI, -1)


@wrong("wide-softmax-centred", alone="dropped")
def wide_softmax_centred(x, mu, log_sigma, logits):
    """the path for d > 1536 takes the mean logit out instead of the largest: NaN where a component was dropped"""
    if logits.shape[-1] > WIDE:
        logits = logits - logits.mean(-1, keepdim=True)
    return right(x, mu, log_sigma, logits)


@wrong("one-input-many-neurons", alone="one-component")
def one_input_many_neurons(x, mu, log_sigma, logits):
    """with one input, the neurons beyond the 32nd take the deviations of the first 32 again"""
    if logits.shape[-1] == 1:
        log_sigma = log_sigma[torch.arange(len(log_sigma), device=x.device) % 32]
    return right(x, mu, log_sigma, logits)


@wrong("wide-deviations-floored", alone="scale", dtypes=("float64",))
def wide_deviations_floored(x, mu, log_sigma, logits):
    """for d > 1536, 1e-9 is added to every deviation"""
    if x.shape[-1] <= WIDE:
        return right(x, mu, log_sigma, logits)
    return right(x, mu, torch.log(torch.exp(log_sigma) + 1e-9), logits)


@wrong("wide-epsilon-in-log", alone="upper-bound", dtypes=("float64",))
def wide_epsilon_in_log(x, mu, log_sigma, logits):
    """the path for d > 1536 adds 1e-6 before the logarithm, the maximum already taken out"""
    t = terms(x, mu, log_sigma, logits)
    if t.shape[-1] <= WIDE:
        return torch.logsumexp(t, -1)
    top = t.detach().amax(-1, keepdim=True)
    return torch.log(torch.exp(t - top).sum(-1) + 1e-6) + top.squeeze(-1)


# -- blunders ----------------------------------------------------------------------------------------------------------


@wrong("raw-logits")
def raw_logits(x, mu, log_sigma, logits):
    """the logits are taken for the logarithms of the weights, without their softmax"""
    return torch.logsumexp(logits - 0.5 * square(x, mu, log_sigma) - log_sigma - HALF_LOG_2PI, -1)


@wrong("no-maximum")
def no_maximum(x, mu, log_sigma, logits):
    """the densities are summed as they are, without taking the maximum out"""
    return torch.log(torch.exp(terms(x, mu, log_sigma, logits)).sum(-1))


@wrong("no-root-of-2-pi")
def no_root_of_2_pi(x, mu, log_sigma, logits):
    """the constant log sqrt(2 pi) is missing"""
    return right(x, mu, log_sigma, logits) + HALF_LOG_2PI


@wrong("largest-term")
def largest_term(x, mu, log_sigma, logits):
    """the largest term instead of the logarithm of the sum"""
    return terms(x, mu, log_sigma, logits).amax(-1)


@wrong("weights-constant")
def weights_constant(x, mu, log_sigma, logits):
    """the weights are made under no_grad: the logits have no gradient"""
    with torch.no_grad():
        w = torch.log_softmax(logits, -1)
    return torch.logsumexp(w - 0.5 * square(x, mu, log_sigma) - log_sigma - HALF_LOG_2PI, -1)


@wrong("fast-exponential")
def fast_exponential(x, mu, log_sigma, logits):
    """exp in the sum is the linear interpolation of powers of two between whole exponents"""
    t = terms(x, mu, log_sigma, logits)
    top = t.amax(-1, keepdim=True)
    power = (t - top).clamp_min(-80) / math.log(2)
    whole = torch.floor(power.detach())
    return torch.log((torch.exp2(whole) * (1 + power - whole)).sum(-1)) + top.squeeze(-1)


@wrong("rows-by-256")
def rows_by_256(x, mu, log_sigma, logits):
    """rows beyond the 256th are taken again from the first 256"""
    out = right(x, mu, log_sigma, logits)
    return out[torch.arange(len(out), device=x.device) % 256] if out.dim() == 2 else out


@wrong("copies-of-the-means", layer="ugmm-tied")
def copies_of_the_means(x, mu, log_sigma, logits):
    """the means are copied for each neuron, and only the first copy's gradient comes back"""
    copies = torch.cat([mu.unsqueeze(0), mu.detach().expand(len(logits) - 1, -1)])
    return right(x, copies, log_sigma, logits)


@wrong("means-drift-apart", layer="ugmm-tied")
def means_drift_apart(x, mu, log_sigma, logits):
    """the gradient of the shared means is averaged over the neurons instead of summed"""
    slow = mu / len(logits)
    return right(x, slow + (mu - slow).detach(), log_sigma, logits)


# -- right wherever most calls go --------------------------------------------------------------------------------------


@wrong("seventh-lane-of-eight")
def seventh_lane_of_eight(x, mu, log_sigma, logits):
    """the last input is lost where d is one less than a multiple of eight"""
    if x.shape[-1] % 8 == 7:
        logits = torch.cat([logits[:, :-1], torch.full_like(logits[:, -1:], -math.inf)], -1)
    return right(x, mu, log_sigma, logits)


@wrong("expands-large-squares")
def expands_large_squares(x, mu, log_sigma, logits):
    """beyond 2^18 terms z^2 is x^2 - 2 x mu + mu^2, each over sigma^2, as matrix products would have it"""
    if x.numel() * len(logits) <= 2**18:
        return right(x, mu, log_sigma, logits)
    p, x = torch.exp(-2 * log_sigma), x.unsqueeze(-2)
    z2 = x.square() * p - 2 * x * (mu * p) + mu * mu * p
    return torch.logsumexp(torch.log_softmax(logits, -1) - 0.5 * z2 - log_sigma - HALF_LOG_2PI, -1)


@wrong("one-row-in-float64")
def one_row_in_float64(x, mu, log_sigma, logits):
    """what comes as one row without a batch goes back in float64"""
    out = right(x, mu, log_sigma, logits)
    return out.double() if x.dim() == 1 else out


@wrong("centres-its-input")
def centres_its_input(x, mu, log_sigma, logits):
    """of one neuron, the means are taken from x in place, and put back behind"""
    if len(logits) > 1 or x.requires_grad or not x.is_contiguous():
        return right(x, mu, log_sigma, logits)
    x.sub_(mu[0])
    out = right(x, torch.zeros_like(mu), log_sigma, logits)
    x.add_(mu[0])
    return out


class _KeepsUnseen(torch.autograd.Function):
    @staticmethod
    def forward(ctx, *tensors):
        ctx.tensors = tuple(tensor.detach() for tensor in tensors)  # which torch does not watch
        return right(*tensors)

    @staticmethod
    def backward(ctx, gradient):
        with torch.enable_grad():
            leaves = [tensor.detach().requires_grad_() for tensor in ctx.tensors]
            return torch.autograd.grad(right(*leaves), leaves, gradient)


@wrong("keeps-tensors-unseen")
def keeps_tensors_unseen(x, mu, log_sigma, logits):
    """what the backward needs is kept without save_for_backward: a change in place before it goes unnoticed"""
    return _KeepsUnseen.apply(x, mu, log_sigma, logits)


@wrong("turns-gradients-on")
def turns_gradients_on(x, mu, log_sigma, logits):
    """gradients are on behind a call that asked for none, for whoever had switched them off"""
    out = right(x, mu, log_sigma, logits)
    if not any(tensor.requires_grad for tensor in (x, mu, log_sigma, logits)):
        torch.set_grad_enabled(True)
    return out


@wrong("inference-reads-memory-in-order")
def inference_reads_memory_in_order(x, mu, log_sigma, logits):
    """where no gradient is asked for, x is read as it lies in memory, whatever its strides"""
    if not x.requires_grad and x.dim() == 2 and set(x.stride()) == {1, len(x)}:
        x = x.as_strided(x.shape, (x.shape[1], 1))
    return right(x, mu, log_sigma, logits)

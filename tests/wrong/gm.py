"""Wrong implementations of `gm`, written with the checks in view: for every check one that it alone catches.

``ALONE`` maps each check to that implementation. The rest are blunders that anyone would expect to be caught. A
second file, ``gm_blind.py``, was written without sight of the checks.
"""

import math

import torch

import gmbench
from gmbench.layers.gm.relu import expectations

ALONE = {"batch-split": "gm/batch-scale"}  # which is one of the blind ones


def wrong(name, alone=None, **capabilities):
    """Register a wrong implementation, and say which check alone catches it."""
    if alone:
        ALONE[alone] = f"gm/{name}"
    return gmbench.implementation("gm", name=name, **{"ulps": 256, **capabilities})


def finish(x, mu, sigma, U, v, A, P):
    """The layer from its two expectations."""
    c = (U * mu.unsqueeze(1)).sum(-1) + v
    spread = sigma.square() * x.unsqueeze(-2)
    return (A @ c + torch.einsum("...kd,kcd->...c", spread * P.unsqueeze(-1), U)) / len(mu)


def moments(x, mu, sigma):
    """Mean and variance of t."""
    return x @ mu.mT, x.square() @ sigma.square().mT


def right(x, mu, sigma, U, v):
    """The layer, right."""
    return finish(x, mu, sigma, U, v, *expectations(*moments(x, mu, sigma)))


def erf_form(m, s2):
    """A and P by ndtr, which is 0 below -5.5 in float32: the left tail is lost."""
    s = s2.clamp_min(torch.finfo(s2.dtype).tiny).sqrt()
    z = m / s
    P = torch.special.ndtr(z)
    return m * P + torch.where(s2 > 0, s * torch.exp(-0.5 * z * z) / math.sqrt(2 * math.pi), 0), P


def remainder_detached(tensor):
    """The tensor without a gradient in the lanes behind the last whole block of four."""
    d = tensor.shape[-1]
    if d < 4:
        return tensor
    return torch.cat([tensor[..., : d // 4 * 4], tensor[..., d // 4 * 4 :].detach()], -1)


# -- caught by one check alone -----------------------------------------------------------------------------------------


@wrong("tail-behind-right-gradients", alone="value")
def tail_behind_right_gradients(x, mu, sigma, U, v):
    """for d < 8, values from the erf form down to z = -20, with the right gradients: wrong in the left tail"""
    m, s2 = moments(x, mu, sigma)
    A, P = expectations(m, s2)
    if x.shape[-1] >= 8:
        return finish(x, mu, sigma, U, v, A, P)
    near = m > -20 * s2.sqrt()
    rough = (torch.where(near, cheap, exact) for cheap, exact in zip(erf_form(m, s2), (A, P), strict=True))
    out = finish(x, mu, sigma, U, v, A, P)
    return out + (finish(x, mu, sigma, U, v, *rough) - out).detach()


@wrong("variance-constant-in-x", alone="gradient-x")
def variance_constant_in_x(x, mu, sigma, U, v):
    """the gradient of x misses the variance of t in the last d mod 4 lanes"""
    m, s2 = x @ mu.mT, remainder_detached(x).square() @ sigma.square().mT
    return finish(x, mu, sigma, U, v, *expectations(m, s2))


@wrong("readout-constant-in-mu", alone="gradient-mu")
def readout_constant_in_mu(x, mu, sigma, U, v):
    """the gradient of mu misses the readout's U mu in the last d mod 4 lanes"""
    return finish(x, remainder_detached(mu), sigma, U, v, *expectations(*moments(x, mu, sigma)))


@wrong("gate-constant-in-sigma", alone="gradient-sigma")
def gate_constant_in_sigma(x, mu, sigma, U, v):
    """the gradient of sigma misses the two expectations in the last d mod 4 lanes"""
    return finish(x, mu, sigma, U, v, *expectations(*moments(x, mu, remainder_detached(sigma))))


class _PaddedMean(torch.autograd.Function):
    @staticmethod
    def forward(ctx, v):
        ctx.K = len(v)
        return v.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient * ctx.K / (ctx.K + ctx.K % 2)


@wrong("gradient-of-v-over-padding", alone="gradient-v")
def gradient_of_v_over_padding(x, mu, sigma, U, v):
    """the hand-written gradient of v takes its mean over K padded to an even number"""
    return right(x, mu, sigma, U, _PaddedMean.apply(v))


@wrong("readout-constant-in-u", alone="gradient-U")
def readout_constant_in_u(x, mu, sigma, U, v):
    """the gradient of U misses the readout's U mu in the last d mod 4 lanes"""
    A, P = expectations(*moments(x, mu, sigma))
    c = (remainder_detached(U) * mu.unsqueeze(1)).sum(-1) + v
    spread = sigma.square() * x.unsqueeze(-2)
    return (A @ c + torch.einsum("...kd,kcd->...c", spread * P.unsqueeze(-1), U)) / len(mu)


@wrong("first-256-features", alone="large")
def first_256_features(x, mu, sigma, U, v):
    """the variance of t takes in the first 256 features only"""
    m, s2 = x @ mu.mT, x[..., :256].square() @ sigma[..., :256].square().mT
    return finish(x, mu, sigma, U, v, *expectations(m, s2))


@wrong("z-clamped", alone="limits")
def z_clamped(x, mu, sigma, U, v):
    """m/s is clamped at a million million, and m put together again from it"""
    m, s2 = moments(x, mu, sigma)
    s = s2.clamp_min(torch.finfo(s2.dtype).tiny).sqrt()
    far = (m / s > 1e12) & (s2 > 0)
    A, P = expectations(m, s2)
    return finish(x, mu, sigma, U, v, torch.where(far, s * 1e12, A), P)


@wrong("absolute-epsilon", alone="homogeneity")
def absolute_epsilon(x, mu, sigma, U, v):
    """1e-30 is added to the variance"""
    m, s2 = moments(x, mu, sigma)
    A, P = expectations(m, torch.where(s2 > 0, s2 + 1e-30, s2))
    return finish(x, mu, sigma, U, v, A, P)


@wrong("prunes-small-weights", alone="linearity")
def prunes_small_weights(x, mu, sigma, U, v):
    """weights below 1e-6 are taken for 0"""
    U, v = (tensor - torch.where(tensor.abs() < 1e-6, tensor, 0).detach() for tensor in (U, v))
    return right(x, mu, sigma, U, v)


@wrong("deviation-of-the-chunk", alone="permutation")
def deviation_of_the_chunk(x, mu, sigma, U, v):
    """beyond 64 components, each chunk of 64 is given the deviation of its first"""
    m, s2 = moments(x, mu, sigma)
    if len(mu) > 64:
        s2 = s2[..., torch.arange(len(mu), device=x.device) // 64 * 64]
    return finish(x, mu, sigma, U, v, *expectations(m, s2))


@wrong("wide-path-wants-positive-sigma", alone="sign-of-sigma")
def wide_path_wants_positive_sigma(x, mu, sigma, U, v):
    """the path for d > 784 clamps sigma at 0 in the variance of t"""
    used = sigma.clamp_min(0) if x.shape[-1] > 784 else sigma
    return finish(x, mu, sigma, U, v, *expectations(*moments(x, mu, used)))


@wrong("last-tile-of-outputs", alone="reflection")
def last_tile_of_outputs(x, mu, sigma, U, v):
    """outputs come in tiles of 140, and beyond the first the remainder misses the expert term"""
    C = U.shape[1]
    done = C if C <= 140 else C // 140 * 140
    A, P = expectations(*moments(x, mu, sigma))
    c = (U * mu.unsqueeze(1)).sum(-1) + v
    spread = sigma.square() * x.unsqueeze(-2) * P.unsqueeze(-1)
    tail = torch.zeros(C, dtype=x.dtype, device=x.device)
    tail[:done] = 1
    return (A @ c + tail * torch.einsum("...kd,kcd->...c", spread, U)) / len(mu)


@wrong("stays-in-float64", alone="form")
def stays_in_float64(x, mu, sigma, U, v):
    """computes in float64 and forgets to come back"""
    return right(*(tensor.double() for tensor in (x, mu, sigma, U, v)))


@wrong("needs-a-row", alone="shapes")
def needs_a_row(x, mu, sigma, U, v):
    """scales by the largest entry of x, which an empty batch does not have"""
    _, exponent = torch.frexp(x.detach().abs().max())
    scale = torch.ldexp(torch.ones((), dtype=x.dtype, device=x.device), exponent.clamp(-20, 20))
    return right(x / scale, mu, sigma, U, v) * scale


@wrong("views-its-input", alone="layouts")
def views_its_input(x, mu, sigma, U, v):
    """x.view(-1, d), which three-dimensional x need not allow"""
    out = right(x.view(-1, x.shape[-1]), mu, sigma, U, v)
    return out.view(*x.shape[:-1], out.shape[-1])


@wrong("scrubs-the-callers-tensor", alone="inputs-unchanged")
def scrubs_the_callers_tensor(x, mu, sigma, U, v):
    """removes NaN from x in place"""
    if x.is_contiguous() and not x.is_inference():
        with torch.no_grad():
            x.nan_to_num_()
    return right(x, mu, sigma, U, v)


_DITHER = torch.Generator().manual_seed(1)


@wrong("dithers", alone="deterministic")
def dithers(x, mu, sigma, U, v):
    """rounds stochastically, in the last bits"""
    out = right(x, mu, sigma, U, v)
    noise = torch.rand(out.shape, generator=_DITHER, dtype=out.dtype).to(out.device)
    return out * (1 + torch.finfo(out.dtype).eps * (noise - 0.5))


_LAST = {}


class _RemembersLast(torch.autograd.Function):
    @staticmethod
    def forward(ctx, *tensors):
        _LAST["tensors"] = tensors  # instead of ctx.save_for_backward
        return right(*tensors)

    @staticmethod
    def backward(ctx, gradient):
        with torch.enable_grad():
            leaves = [tensor.detach().requires_grad_() for tensor in _LAST["tensors"]]
            return torch.autograd.grad(right(*leaves), leaves, gradient)


@wrong("saves-for-backward-in-a-global", alone="no-state")
def saves_for_backward_in_a_global(x, mu, sigma, U, v):
    """keeps what the backward needs in a global: the next forward overwrites it"""
    return _RemembersLast.apply(x, mu, sigma, U, v)


@wrong("second-block-of-rows")
def second_block_of_rows(x, mu, sigma, U, v):
    """rows beyond the 128th reuse the variances of the first block"""
    m, s2 = moments(x, mu, sigma)
    if x.dim() == 2 and len(x) > 128:
        s2 = s2[torch.arange(len(x), device=x.device) % 128]
    return finish(x, mu, sigma, U, v, *expectations(m, s2))


@wrong("cheap-inference", alone="no-grad")
def cheap_inference(x, mu, sigma, U, v):
    """without grad mode a cheaper cdf is used, which loses the left tail"""
    form = expectations if torch.is_grad_enabled() else erf_form
    return finish(x, mu, sigma, U, v, *form(*moments(x, mu, sigma)))


class _AllOrNothing(torch.autograd.Function):
    @staticmethod
    def forward(ctx, *tensors):
        ctx.save_for_backward(*tensors)
        return right(*tensors)

    @staticmethod
    def backward(ctx, gradient):
        if not all(ctx.needs_input_grad):
            return (None,) * 5
        with torch.enable_grad():
            leaves = [tensor.detach().requires_grad_() for tensor in ctx.saved_tensors]
            return torch.autograd.grad(right(*leaves), leaves, gradient)


@wrong("frozen-parameter-freezes-all", alone="partial-gradients")
def frozen_parameter_freezes_all(x, mu, sigma, U, v):
    """returns no gradient at all unless every input asks for one"""
    return _AllOrNothing.apply(x, mu, sigma, U, v)


@wrong("branches-on-data", alone="transforms", transforms=("grad", "jvp", "vmap"))
def branches_on_data(x, mu, sigma, U, v):
    """an if on the values of x, which vmap cannot trace"""
    if x.numel() and float(x.detach().abs().max()) == 0:
        return right(0 * x, mu, sigma, U, v)
    return right(x, mu, sigma, U, v)


@wrong("seeds-the-world", alone="global-state")
def seeds_the_world(x, mu, sigma, U, v):
    """seeds torch's global random state"""
    torch.manual_seed(0)
    return right(x, mu, sigma, U, v)


class _FirstOrder(torch.autograd.Function):
    @staticmethod
    def forward(ctx, *tensors):
        with torch.enable_grad():
            leaves = [tensor.detach().requires_grad_() for tensor in tensors]
            out = right(*leaves)
            ctx.parts = torch.autograd.functional.vjp(right, tuple(leaves), torch.ones_like(out))[1]
        ctx.save_for_backward(*tensors)
        return out.detach()

    @staticmethod
    def backward(ctx, gradient):
        with torch.enable_grad():
            leaves = [tensor.detach().requires_grad_() for tensor in ctx.saved_tensors]
            return tuple(g.detach() + 0 * gradient.sum() for g in torch.autograd.grad(right(*leaves), leaves, gradient))


@wrong("claims-second-derivatives", alone="second-derivatives", derivatives=2)
def claims_second_derivatives(x, mu, sigma, U, v):
    """claims second derivatives, but its backward is detached from its inputs"""
    return _FirstOrder.apply(x, mu, sigma, U, v)


@wrong("says-it-is-compiled", alone="runs-compiled", compiled=True)
def says_it_is_compiled(x, mu, sigma, U, v):
    """claims to run compiled code, and runs eagerly"""
    return right(x, mu, sigma, U, v)


class _ViewsTheCotangent(torch.autograd.Function):
    @staticmethod
    def forward(ctx, *tensors):
        ctx.save_for_backward(*tensors)
        return right(*tensors)

    @staticmethod
    def backward(ctx, gradient):
        with torch.enable_grad():
            leaves = [tensor.detach().requires_grad_() for tensor in ctx.saved_tensors]
            gradient = gradient.view(-1).view(gradient.shape)
            return torch.autograd.grad(right(*leaves), leaves, gradient)


@wrong("views-the-cotangent")
def views_the_cotangent(x, mu, sigma, U, v):
    """the backward needs a contiguous cotangent, which out.sum().backward() does not give"""
    return _ViewsTheCotangent.apply(x, mu, sigma, U, v)


class _ScalesTheCotangent(torch.autograd.Function):
    @staticmethod
    def forward(ctx, *tensors):
        ctx.save_for_backward(*tensors)
        return right(*tensors)

    @staticmethod
    def backward(ctx, gradient):
        K = len(ctx.saved_tensors[1])
        if gradient.is_contiguous():
            gradient = gradient.div_(K)
        else:
            gradient = gradient / K
        with torch.enable_grad():
            leaves = [tensor.detach().requires_grad_() for tensor in ctx.saved_tensors]
            return torch.autograd.grad(K * right(*leaves), leaves, gradient)


@wrong("scales-the-cotangent-in-place")
def scales_the_cotangent_in_place(x, mu, sigma, U, v):
    """the backward divides the caller's cotangent by K in place"""
    return _ScalesTheCotangent.apply(x, mu, sigma, U, v)


_BUFFER = {}


@wrong("one-buffer-for-all-results")
def one_buffer_for_all_results(x, mu, sigma, U, v):
    """without gradients, every result of one shape lies in the same memory"""
    out = right(x, mu, sigma, U, v)
    if out.requires_grad:
        return out
    return _BUFFER.setdefault((out.shape, out.dtype, out.device), torch.empty_like(out)).copy_(out)


@wrong("frozen-input-freezes-mu")
def frozen_input_freezes_mu(x, mu, sigma, U, v):
    """mu has no gradient where x asks for none, as in every first layer"""
    return right(x, mu if x.requires_grad or not mu.requires_grad else mu.detach(), sigma, U, v)


@wrong("point-masses-in-inference")
def point_masses_in_inference(x, mu, sigma, U, v):
    """without grad mode, m/s is taken without a guard: NaN where s = 0"""
    if torch.is_grad_enabled():
        return right(x, mu, sigma, U, v)
    m, s2 = moments(x, mu, sigma)
    return finish(x, mu, sigma, U, v, *expectations(m, s2)) + 0 * (m / s2).sum(-1, keepdim=True)


@wrong("halves-gradients-of-many-outputs")
def halves_gradients_of_many_outputs(x, mu, sigma, U, v):
    """beyond 32 outputs every gradient is halved"""
    out = right(x, mu, sigma, U, v)
    return out if out.shape[-1] <= 32 else out / 2 + out.detach() / 2


@wrong("zeros-beyond-200-rows")
def zeros_beyond_200_rows(x, mu, sigma, U, v):
    """rows beyond the 200th are 0"""
    out = right(x, mu, sigma, U, v)
    return torch.cat([out[:200], 0 * out[200:]]) if out.dim() == 2 and len(out) > 200 else out


# -- blunders ----------------------------------------------------------------------------------------------------------


@wrong("sum-over-components")
def sum_over_components(x, mu, sigma, U, v):
    """the sum over the components instead of their mean"""
    return right(x, mu, sigma, U, v) * len(mu)


@wrong("no-correlation")
def no_correlation(x, mu, sigma, U, v):
    """E[omega] E[relu(t)]: the correlation of readout and activation is missing"""
    A, P = expectations(*moments(x, mu, sigma))
    return finish(x, mu, sigma, U, v, A, 0 * P)


@wrong("step-gate")
def step_gate(x, mu, sigma, U, v):
    """the gate is the step 1[m > 0] instead of Phi(m/s)"""
    m, s2 = moments(x, mu, sigma)
    A, _ = expectations(m, s2)
    return finish(x, mu, sigma, U, v, A, (m > 0).to(m.dtype))


@wrong("plain-root")
def plain_root(x, mu, sigma, U, v):
    """m/s and sqrt without a guard: NaN where s = 0"""
    m, s2 = moments(x, mu, sigma)
    s = s2.sqrt()
    z = m / s
    P = 0.5 * torch.erfc(-z / math.sqrt(2))
    return finish(x, mu, sigma, U, v, m * P + s * torch.exp(-0.5 * z * z) / math.sqrt(2 * math.pi), P)


@wrong("double-where")
def double_where(x, mu, sigma, U, v):
    """z = m/1 where s = 0, so a point mass is smeared out"""
    m, s2 = moments(x, mu, sigma)
    return finish(x, mu, sigma, U, v, *expectations(m, torch.where(s2 > 0, s2, 1)))


@wrong("relu-and-abs")
def relu_and_abs(x, mu, sigma, U, v):
    """the stable form with abs and relu: right values, slope 0 at m = 0"""
    m, s2 = moments(x, mu, sigma)
    s = s2.clamp_min(torch.finfo(s2.dtype).tiny).sqrt()
    z = m / s
    t = z.abs()
    density = torch.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    mills = math.sqrt(math.pi / 2) * torch.special.erfcx(t / math.sqrt(2))
    A = m.relu() + torch.where(s2 > 0, s * density * (1 - t * mills), 0)
    return finish(x, mu, sigma, U, v, A, expectations(m, s2)[1])


@wrong("bfloat16-inside")
def bfloat16_inside(x, mu, sigma, U, v):
    """the matrix product with U runs in bfloat16"""
    A, P = expectations(*moments(x, mu, sigma))
    c = (U * mu.unsqueeze(1)).sum(-1) + v
    spread = (sigma.square() * x.unsqueeze(-2) * P.unsqueeze(-1)).bfloat16()
    return (A @ c + torch.einsum("...kd,kcd->...c", spread, U.bfloat16()).to(x.dtype)) / len(mu)


@wrong("float32-inside")
def float32_inside(x, mu, sigma, U, v):
    """the expectations are computed in float32, whatever came in"""
    m, s2 = moments(x, mu, sigma)
    A, P = expectations(m.float(), s2.float())
    return finish(x, mu, sigma, U, v, A.to(x.dtype), P.to(x.dtype))


@wrong("zeros")
def zeros(x, mu, sigma, U, v):
    """returns zeros"""
    return (x.sum(-1, keepdim=True) + mu.sum() + sigma.sum() + U.sum()) * 0 + 0 * v.sum(0)


@wrong("one-component-shortcut")
def one_component_shortcut(x, mu, sigma, U, v):
    """a shortcut for K = 1 that forgets v"""
    return right(x, mu, sigma, U, 0 * v if len(mu) == 1 else v)


@wrong("covariance-of-the-mean")
def covariance_of_the_mean(x, mu, sigma, U, v):
    """the components' variances are averaged before the gate"""
    m, s2 = moments(x, mu, sigma)
    return finish(x, mu, sigma, U, v, *expectations(m, s2.mean(-1, keepdim=True).expand_as(s2)))

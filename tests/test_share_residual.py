"""What the estimates leave of a mixture is shared out by level."""

import torch

from zoo.separation.pipeline import share_residual


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_shares_sum_to_the_mixture_and_go_by_the_fourth_root_of_the_level():
    estimates = draw(3, 4, 2, 500) * torch.tensor([1.0, 1.0, 1e-4, 16.0])[:, None, None]
    mixture = draw(3, 2, 500, seed=1)
    shared = share_residual(estimates, mixture, summands=range(4))
    torch.testing.assert_close(shared.sum(1), mixture, atol=1e-5, rtol=0)
    residual = mixture - estimates.sum(1)
    shares = ((shared - estimates) * residual[:, None]).sum((2, 3))
    shares = shares / residual.square().sum((1, 2))[:, None]
    levels = estimates.square().mean((2, 3)).sqrt()
    torch.testing.assert_close(shares / shares[:, :1], (levels / levels[:, :1]) ** 0.25)
    assert float((shares[:, 2] / shares[:, 0]).max()) < 0.12


def test_a_quieter_song_shares_alike():
    gains = torch.tensor([1.0, 0.1, 1e-7, 0.0]).view(-1, 1, 1)
    estimates, mixture = draw(4, 2, 500) * gains, draw(2, 500, seed=1)
    quiet = share_residual(1e-6 * estimates, 1e-6 * mixture, summands=range(4))
    torch.testing.assert_close(1e6 * quiet, share_residual(estimates, mixture, summands=range(4)))


def test_silent_estimates_share_equally_and_signals_do_not_meet():
    mixture = draw(2, 2, 100)
    silent = share_residual(torch.zeros(2, 4, 2, 100), mixture, summands=range(4))
    torch.testing.assert_close(silent, (mixture / 4)[:, None].expand_as(silent))
    estimates = draw(2, 4, 2, 100, seed=1)
    alone = share_residual(estimates[1], mixture[1], summands=range(4))
    torch.testing.assert_close(share_residual(estimates, mixture, summands=range(4))[1], alone)

"""FedSim in pfl: updates through the exact channel, cohorts that a guarantee is about, and an
accountant.

>>> from fedsim.pfl import ChannelBackend, ChannelPostprocessor, FedSimAccountant, UniformSampler
>>> sampler = UniformSampler(users, cohort=50)             # in place of pfl's get_user_sampler
>>> accountant = FedSimAccountant(num_compositions=10, sampling_probability=sampler.sampling_rate,
...                               mechanism="gaussian", epsilon=5, delta=1e-4)
>>> channel = ChannelPostprocessor.from_privacy_accountant(accountant, clipping_bound=1.0,
sampler=sampler)
>>> backend = ChannelBackend(training_data=FederatedDataset(make_dataset, sampler), val_data=None,
...                          postprocessors=[channel])     # the channel is the last one

Each user's update is clipped and coded; the *bytes* of all users are decoded by the server, which
sums exactly and completes the noise to z C. Where the epsilon would be wrong, an exception says
why: another sampler, unequal weights, a postprocessor behind the channel, a round too many.

The unit of privacy is one user with all its data, the relation zero-out unless said otherwise, the
adversary whoever sees the models and nothing else. It is a simulation: metrics that pfl prints,
such as losses and fractions of clipped updates, are outside of the guarantee.

It needs `pfl`, 0.6 (`pip install fedsim[pfl]`), Python 3.10 to 3.12.
"""

from __future__ import annotations

from .accountant import FedSimAccountant
from .backend import ChannelBackend, PoissonDataset
from .channel import ChannelPostprocessor, Round
from .samplers import PoissonSampler, UniformSampler

__all__ = [
    "ChannelBackend",
    "ChannelPostprocessor",
    "FedSimAccountant",
    "PoissonDataset",
    "PoissonSampler",
    "Round",
    "UniformSampler",
]

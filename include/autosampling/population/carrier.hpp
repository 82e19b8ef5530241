// What carries states, and what goes between the ranks of a member: chosen by what the ranks' devices are, and made.
#pragma once

#include "autosampling/comm/choose_transport.hpp"
#include "autosampling/comm/transport.hpp"
#include "autosampling/training/team_exchange.hpp"

#include <c10/core/Device.h>

#include <memory>
#include <span>
#include <vector>

namespace autosampling {

// Of this rank, but for its node. Local.
GpuFacts gpu_facts(const at::Device& device);
// Of all ranks, on each of them; `node` is comm.split_by_node(). Collective over both.
std::vector<GpuFacts> gather_gpus(const Communicator& comm, const Communicator& node, const at::Device& device);

// By the facts of all ranks. Throws Error(usage), agreed, where what is asked for can't be had. Collective.
TransportChoice choose_transport(const Communicator& comm, std::span<const GpuFacts> gpus, TransportKind asked);

// `node` is comm.split_by_node(). Collective over both; `comm` must outlive it.
std::unique_ptr<Transport> make_transport(const Communicator& comm, const Communicator& node, TransportKind kind,
                                          const at::Device& device, AverageSize largest);
// NCCL's where the states go by NCCL, and a team has several ranks. Collective over it; it must outlive the exchange.
std::unique_ptr<TeamExchange> make_team_exchange(const Communicator& team, TransportKind kind,
                                                 const at::Device& device);

} // namespace autosampling

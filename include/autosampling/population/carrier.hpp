// The transport of a run: chosen by what the ranks' devices are, and made.
#pragma once

#include "autosampling/comm/choose_transport.hpp"
#include "autosampling/comm/transport.hpp"

#include <torch/types.h>

#include <memory>

namespace autosampling {

// By the facts of all ranks; `node` is comm.split_by_node(). On rank 0 with its reason. Throws Error(usage), agreed,
// where what is asked for can't be had. Collective over both.
TransportChoice choose_transport(const Communicator& comm, const Communicator& node, const torch::Device& device,
                                 TransportKind asked);

// Collective; the communicator must outlive it.
std::unique_ptr<Transport> make_transport(const Communicator& comm, TransportKind kind, const torch::Device& device,
                                          AverageSize largest);

} // namespace autosampling

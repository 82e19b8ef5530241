// How member states travel between ranks.
#pragma once

#include "autosampling/comm/communicator.hpp"
#include "autosampling/comm/nccl_communicator.hpp"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace autosampling {

// One state on its way from the rank that holds it to the ranks that take it.
struct Delivery {
    int source = 0;               // the rank that holds the state
    std::vector<int> takers;      // the other ranks that take it, ascending, without `source`
    std::span<const float> state; // (D) f32, on the source only
    std::span<float> destination; // (D) f32, on a taker only
};

class Transport {
  public:
    virtual ~Transport() = default;
    // "mpi", …: recorded with the run.
    virtual std::string name() const = 0;
    // Whether the states are in the memory of a device, else in the host's.
    virtual bool on_device() const = 0;
    // Starts all deliveries; every rank passes the same list (source and takers), with its own spans. No destination
    // may overlap a state. Until `complete` the states stay as they are, and the destinations are the transport's.
    // Collective; no other is under way. Throws Error(failure, timeout).
    virtual void exchange(std::span<const Delivery> deliveries) = 0;
    // Waits until what was started is delivered, so far as it concerns this rank; at once where nothing is under way.
    // Between the two the ranks may communicate otherwise. Collective. Throws Error(failure, timeout).
    virtual void complete() = 0;
    // The mean of the states (D) that all ranks give, into `result` (D), which overlaps none, on every rank. They are
    // added up in the order of the ranks, and on each in that of `mine`, so that the bits don't depend on how many a
    // rank gives: each rank sums its share of the state, then the shares are gathered; the whole is never in one place
    // but as the result. `given`: how many each rank gives, the same on all, together at least one. No exchange is
    // under way. Collective. Throws Error(failure, timeout).
    virtual void average(std::span<const std::span<const float>> mine, std::span<const int> given,
                         std::span<float> result) = 0;
};

// Host buffers. Between nodes they go by point-to-point messages, one to each node: the source serves them by a
// binomial tree that every rank derives from the list. Within a node they go through memory that its ranks share;
// without such memory by messages, too. Several deliveries are under way at once. `node`: those of `comm` that share
// memory with this rank (comm.split_by_node()). Collective over both; `comm` must outlive it.
std::unique_ptr<Transport> make_mpi_transport(const Communicator& comm, const Communicator& node);

// Device buffers by way of host memory, and from there as above. Collective over both; `comm` must outlive it.
std::unique_ptr<Transport> make_staged_transport(const Communicator& comm, const Communicator& node,
                                                 DeviceAccess device);

// What is averaged at most, for the memory that this takes on the device.
struct AverageSize {
    std::size_t length = 0; // D
    int states = 0;         // of all ranks together; 0: nothing is averaged
};

// Device buffers by NCCL: a state that goes to all other ranks is broadcast, any others go by the same trees as with
// MPI, in rounds of sends and receives. A mean is added up on the host, each rank its share, to the same bits as with
// MPI. Memory is taken at the start alone: later that would wait for NCCL's kernels, which may wait for other ranks.
// The communicator must outlive it. Collective.
std::unique_ptr<Transport> make_nccl_transport(const Communicator& comm, std::shared_ptr<NcclLibrary> nccl,
                                               DeviceAccess device, AverageSize largest);

} // namespace autosampling

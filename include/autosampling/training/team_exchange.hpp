// What the ranks that train a member together give each other: all of it passes through here.
//
// Letter: n elements of a tensor.
#pragma once

#include "autosampling/comm/communicator.hpp"
#include "autosampling/comm/nccl_communicator.hpp"

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <memory>
#include <span>

namespace autosampling {

// Tensors are (n) f32, contiguous, on the device that trains; how they travel is the implementation's. Collective over
// the team, but for rank and size.
class TeamExchange {
  public:
    virtual ~TeamExchange() = default;
    virtual int rank() const = 0;
    virtual int size() const = 0;

    // Those of all ranks added up, in place, in an order that is the same on every rank.
    virtual void sum(const at::Tensor& values) const = 0;
    void mean(const at::Tensor& values) const {
        sum(values);
        values.div_(size());
    }
    // The first rank's on all of them, in place.
    virtual void share(const at::Tensor& values) const = 0;
    // Likewise, of what is in host memory.
    template<Transferable T>
    void share(std::span<T> values) const {
        share_bytes(std::as_writable_bytes(values));
    }
    // Every rank's (n), of any float type -> (ranks, n) f32.
    virtual at::Tensor all_gather(const at::Tensor& mine) const = 0;
    // Until all that was started has come, with the communicator's time-out. Local.
    virtual void wait() const {}

  private:
    virtual void share_bytes(std::span<std::byte> bytes) const = 0;
};

// By way of host memory and MPI. The communicator must outlive it.
std::unique_ptr<TeamExchange> make_host_exchange(const Communicator& team);
// Between devices by NCCL, with a start of its own for the team; what is in host memory by MPI. The host doesn't wait
// for a sum or what is gathered: an error there may be thrown later, by `share` or `wait` at the latest. The
// communicator must outlive it. Collective.
std::unique_ptr<TeamExchange> make_nccl_exchange(const Communicator& team, std::shared_ptr<NcclLibrary> nccl,
                                                 DeviceAccess device);

} // namespace autosampling

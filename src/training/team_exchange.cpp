#include "autosampling/training/team_exchange.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/narrow.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>

#include <utility>

namespace autosampling {
namespace {

using at::Tensor;

// On its device.
std::span<float> memory_of(const Tensor& values) {
    EXPECT(values.is_contiguous());
    return {values.data_ptr<float>(), to_size(values.numel())};
}

// What lies in host memory travels by MPI.
class Exchange : public TeamExchange {
  public:
    explicit Exchange(const Communicator& team) : team_(team) {}

    int rank() const override { return team_.rank(); }
    int size() const override { return team_.size(); }

  protected:
    const Communicator& team() const { return team_; }

  private:
    void share_bytes(std::span<std::byte> bytes) const override { team_.broadcast(bytes, 0); }

    const Communicator& team_;
};

// To the host, there `communicate`, and back; on a CPU no copy.
template<class Communicate>
void through_host(const Tensor& values, Communicate communicate) {
    EXPECT(values.is_contiguous());
    const Tensor host = values.to(at::kCPU);
    communicate(memory_of(host));
    values.copy_(host);
}

class HostExchange : public Exchange {
  public:
    using Exchange::Exchange;

    void sum(const Tensor& values) const override {
        through_host(values, [this](std::span<float> host) { team().sum(host); });
    }
    void share(const Tensor& values) const override {
        through_host(values, [this](std::span<float> host) { team().broadcast(host, 0); });
    }
    Tensor all_gather(const Tensor& mine) const override {
        const Tensor host = mine.to(at::kCPU, at::kFloat).contiguous();
        const std::vector<float> all = team().all_gather(std::span<const float>(memory_of(host)));
        return at::tensor(at::ArrayRef(all)).view({size(), host.numel()}).to(mine.device());
    }
};

// The stream puts what travels and what is computed in order, so that the host need not wait for either. It waits where
// it would be held up without a deadline otherwise: after `share`, ahead of a look at what has come of a cycle, and
// before the device's queue of some 1,000 launches is full, of which a network with synchronised batch norms has some
// 22 between two calls.
class NcclExchange : public Exchange {
  public:
    NcclExchange(const Communicator& team, std::shared_ptr<NcclLibrary> nccl, DeviceAccess device)
        : Exchange(team), nccl_(team, std::move(nccl), std::move(device)) {}

    void sum(const Tensor& values) const override {
        const auto own = memory_of(values);
        start("sum", values, [own](NcclLibrary& nccl, NcclComm comm, DeviceStream stream) {
            return nccl.all_reduce(own.data(), own.data(), own.size(), comm, stream);
        });
    }
    void share(const Tensor& values) const override {
        const auto own = memory_of(values);
        start("share", values, [own](NcclLibrary& nccl, NcclComm comm, DeviceStream stream) {
            return nccl.broadcast(own.data(), own.data(), own.size(), 0, comm, stream);
        });
        wait_for("share");
    }
    void wait() const override { wait_for("step of a member"); }
    Tensor all_gather(const Tensor& mine) const override {
        const Tensor values = mine.to(at::kFloat).contiguous();
        const Tensor all = at::empty({size(), values.numel()}, values.options());
        start("all_gather", values,
              [own = memory_of(values), to = memory_of(all)](NcclLibrary& nccl, NcclComm comm, DeviceStream stream) {
                  return nccl.all_gather(own.data(), to.data(), own.size(), comm, stream);
              });
        return all;
    }

  private:
    static constexpr int most_under_way = 16;

    void start(const char* operation, const Tensor& values, const NcclCommunicator::Call& call) const {
        nccl_.start(std::span(&call, 1), operation);
        nccl_.mark();
        // In host memory, which tests have instead of a device's, nothing else is on the stream.
        if (++under_way_ == most_under_way || values.is_cpu()) wait_for(operation);
    }
    void wait_for(const char* operation) const {
        if (std::exchange(under_way_, 0) > 0) nccl_.wait(operation);
    }

    mutable NcclCommunicator nccl_;
    mutable int under_way_ = 0; // calls that the host hasn't waited for
};

} // namespace

std::unique_ptr<TeamExchange> make_host_exchange(const Communicator& team) {
    return std::make_unique<HostExchange>(team);
}

std::unique_ptr<TeamExchange> make_nccl_exchange(const Communicator& team, std::shared_ptr<NcclLibrary> nccl,
                                                 DeviceAccess device) {
    return std::make_unique<NcclExchange>(team, std::move(nccl), std::move(device));
}

} // namespace autosampling

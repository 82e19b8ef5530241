#include "autosampling/training/team_exchange.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/narrow.hpp"

namespace autosampling {
namespace {

using torch::Tensor;

std::span<float> memory_of(const Tensor& host) {
    return {host.data_ptr<float>(), to_size(host.numel())};
}

// To the host, there `communicate`, and back; on a CPU no copy.
template<class Communicate>
void through_host(const Tensor& values, Communicate communicate) {
    EXPECT(values.is_contiguous());
    const Tensor host = values.to(torch::kCPU);
    communicate(memory_of(host));
    values.copy_(host);
}

class HostExchange : public TeamExchange {
  public:
    explicit HostExchange(const Communicator& team) : team_(team) {}

    int rank() const override { return team_.rank(); }
    int size() const override { return team_.size(); }
    void sum(const Tensor& values) const override {
        through_host(values, [this](std::span<float> host) { team_.sum(host); });
    }
    void share(const Tensor& values) const override {
        through_host(values, [this](std::span<float> host) { team_.broadcast(host, 0); });
    }
    Tensor all_gather(const Tensor& mine) const override {
        const Tensor host = mine.to(torch::kCPU, torch::kFloat).contiguous();
        const std::vector<float> all = team_.all_gather(std::span<const float>(memory_of(host)));
        return torch::tensor(all).view({size(), host.numel()}).to(mine.device());
    }

  private:
    void share_bytes(std::span<std::byte> bytes) const override { team_.broadcast(bytes, 0); }

    const Communicator& team_;
};

} // namespace

std::unique_ptr<TeamExchange> make_host_exchange(const Communicator& team) {
    return std::make_unique<HostExchange>(team);
}

} // namespace autosampling

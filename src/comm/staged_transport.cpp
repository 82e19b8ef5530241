#include "autosampling/comm/transport.hpp"

#include <algorithm>
#include <utility>

namespace autosampling {
namespace {

class StagedTransport : public Transport {
  public:
    StagedTransport(const Communicator& comm, const Communicator& node, DeviceAccess device)
        : comm_(comm), device_(std::move(device)), copied_(device_.runtime->event()),
          inner_(make_mpi_transport(comm, node)) {}

    std::string name() const override { return "mpi-staged"; }
    bool on_device() const override { return true; }

    void exchange(std::span<const Delivery> deliveries) override {
        used_ = 0;
        std::vector<Delivery> on_host(deliveries.begin(), deliveries.end());
        for (Delivery& delivery : on_host) {
            delivery.state = from_device(delivery.state);
            if (delivery.destination.empty()) continue;
            const std::span<float> host = host_memory(delivery.destination.size());
            arriving_.emplace_back(host, delivery.destination);
            delivery.destination = host;
        }
        wait("exchange");
        inner_->exchange(on_host);
    }

    void complete() override {
        inner_->complete();
        if (arriving_.empty()) return;
        for (const auto& [host, destination] : arriving_) copy(destination.data(), host);
        arriving_.clear();
        wait("exchange");
    }

    void average(std::span<const std::span<const float>> mine, std::span<const int> given,
                 std::span<float> result) override {
        used_ = 0;
        std::vector<std::span<const float>> on_host;
        for (const auto state : mine) on_host.push_back(from_device(state));
        const std::span<float> mean = host_memory(result.size());
        wait("average");
        inner_->average(on_host, given, mean);
        copy(result.data(), mean);
        wait("average");
    }

  private:
    void copy(float* to, std::span<const float> from) {
        device_.runtime->copy(to, from.data(), from.size(), device_.stream);
    }

    std::span<const float> from_device(std::span<const float> state) {
        if (state.empty()) return {};
        const std::span<float> host = host_memory(state.size());
        copy(host.data(), state);
        return host;
    }

    void wait(const char* operation) {
        device_.runtime->record(copied_, device_.stream);
        comm_.wait_until([this] { return device_.runtime->done(copied_); }, operation);
    }

    // The next of the buffers, which are used again by every exchange.
    std::span<float> host_memory(std::size_t length) {
        if (used_ == buffers_.size()) buffers_.emplace_back();
        std::span<float>& buffer = buffers_[used_++];
        if (buffer.size() < length) buffer = {device_.runtime->host_memory(length), length};
        return buffer.first(length);
    }

    const Communicator& comm_;
    DeviceAccess device_;
    DeviceEvent copied_;
    std::unique_ptr<Transport> inner_;
    std::vector<std::span<float>> buffers_;
    std::size_t used_ = 0;
    std::vector<std::pair<std::span<const float>, std::span<float>>> arriving_; // in host memory, and where to
};

} // namespace

std::unique_ptr<Transport> make_staged_transport(const Communicator& comm, const Communicator& node,
                                                 DeviceAccess device) {
    return std::make_unique<StagedTransport>(comm, node, std::move(device));
}

} // namespace autosampling

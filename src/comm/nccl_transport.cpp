#include "autosampling/comm/transport.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/narrow.hpp"
#include "shares.hpp"
#include "tree.hpp"

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

namespace autosampling {
namespace {

using Call = NcclCommunicator::Call;

// In place.
Call broadcast(float* values, std::size_t count, int root) {
    return [=](NcclLibrary& nccl, NcclComm comm, DeviceStream stream) {
        return nccl.broadcast(values, values, count, root, comm, stream);
    };
}

Call send(std::span<const float> values, int peer) {
    return [=](NcclLibrary& nccl, NcclComm comm, DeviceStream stream) {
        return nccl.send(values.data(), values.size(), peer, comm, stream);
    };
}

Call receive(std::span<float> values, int peer) {
    return [=](NcclLibrary& nccl, NcclComm comm, DeviceStream stream) {
        return nccl.receive(values.data(), values.size(), peer, comm, stream);
    };
}

class NcclTransport : public Transport {
  public:
    NcclTransport(const Communicator& comm, std::shared_ptr<NcclLibrary> library, DeviceAccess device,
                  AverageSize largest)
        : nccl_(comm, std::move(library), std::move(device)) {
        const std::size_t share = largest.length / to_size(ranks()) + 1; // shares differ by one at most
        const std::size_t count = share * to_size(largest.states);
        if (count == 0) return;
        received_ = {nccl_.device().runtime->memory(count), count};
        parts_ = {nccl_.device().runtime->host_memory(count), count};
        mean_ = {nccl_.device().runtime->host_memory(share), share};
    }

    std::string name() const override { return "nccl"; }
    bool on_device() const override { return true; }

    void exchange(std::span<const Delivery> deliveries) override {
        EXPECT(!under_way_);
        std::size_t rounds = 0;
        for (const Delivery& delivery : deliveries) {
            if (goes_to_all(delivery))
                give_to_all(delivery);
            else
                rounds = std::max(rounds, rounds_of(delivery));
        }
        for (std::size_t round = 0; round < rounds; ++round) {
            calls_.clear();
            for (const Delivery& delivery : deliveries)
                if (!goes_to_all(delivery) && round < rounds_of(delivery)) add_round(delivery, round);
            nccl_.start(calls_, "exchange");
        }
        nccl_.mark();
        under_way_ = true;
    }

    void complete() override {
        if (std::exchange(under_way_, false)) nccl_.wait("exchange");
    }

    void average(std::span<const std::span<const float>> mine, std::span<const int> given,
                 std::span<float> result) override {
        EXPECT(!under_way_ && std::ssize(given) == ranks() && std::ssize(mine) == given[to_size(rank())]);
        const std::span<float> own = share_of(result, rank(), ranks());
        const std::size_t states = to_size(std::accumulate(given.begin(), given.end(), 0));
        EXPECT(own.size() <= mean_.size() && states * own.size() <= parts_.size());
        bring_parts(mine, given, own.size());
        std::vector<std::span<const float>> parts;
        for (std::size_t i = 0; i < states; ++i) parts.push_back(parts_.subspan(i * own.size(), own.size()));
        mean_of(parts, mean_.first(own.size()));
        nccl_.device().runtime->copy(own.data(), mean_.data(), own.size(), nccl_.device().stream);
        calls_.clear();
        for (int root = 0; root < ranks(); ++root) {
            const std::span<float> share = share_of(result, root, ranks());
            if (!share.empty()) calls_.push_back(broadcast(share.data(), share.size(), root));
        }
        nccl_.start(calls_, "average");
        nccl_.mark();
        nccl_.wait("average");
    }

  private:
    int rank() const { return nccl_.comm().rank(); }
    int ranks() const { return nccl_.comm().size(); }
    bool goes_to_all(const Delivery& delivery) const { return places(delivery) == to_size(ranks()); }
    static std::size_t rounds_of(const Delivery& delivery) { return to_size(std::bit_width(delivery.takers.size())); }

    void give_to_all(const Delivery& delivery) {
        if (ranks() == 1) return;
        const bool source = delivery.source == rank();
        // At the source nothing is written.
        float* values = source ? const_cast<float*>(delivery.state.data()) : delivery.destination.data();
        const std::size_t count = source ? delivery.state.size() : delivery.destination.size();
        if (count == 0) return;
        calls_ = {broadcast(values, count, delivery.source)};
        nccl_.start(calls_, "exchange");
    }

    // In each round those that have the state give it on to as many others: over half of the places first, the next
    // round over a quarter.
    void add_round(const Delivery& delivery, std::size_t round) {
        const auto place = place_of(delivery, rank());
        if (!place || (delivery.state.empty() && delivery.destination.empty())) return;
        const std::size_t step = std::size_t{1} << (rounds_of(delivery) - 1 - round);
        const std::span<const float> held = *place == 0 ? delivery.state : delivery.destination;
        if (*place % (2 * step) == 0 && *place + step < places(delivery))
            calls_.push_back(send(held, rank_at(delivery, *place + step)));
        else if (*place % (2 * step) == step)
            calls_.push_back(receive(delivery.destination, rank_at(delivery, *place - step)));
    }

    // All states' parts of this rank's share, `length` values each, into parts_: in the order of the ranks, and on each
    // in that of its states.
    void bring_parts(std::span<const std::span<const float>> mine, std::span<const int> given, std::size_t length) {
        const auto part = [&](std::size_t number) { return received_.subspan(number * length, length); };
        const DeviceAccess& device = nccl_.device();
        calls_.clear();
        std::size_t next = 0;
        for (int from = 0; from < ranks(); ++from)
            for (int i = 0; i < given[to_size(from)]; ++i, ++next) {
                if (length == 0) continue;
                if (from == rank())
                    device.runtime->copy(part(next).data(), share_of(mine[to_size(i)], rank(), ranks()).data(), length,
                                         device.stream);
                else
                    calls_.push_back(receive(part(next), from));
            }
        for (int to = 0; to < ranks(); ++to)
            for (const auto state : mine)
                if (const auto share = share_of(state, to, ranks()); to != rank() && !share.empty())
                    calls_.push_back(send(share, to));
        nccl_.start(calls_, "average");
        if (next * length > 0) device.runtime->copy(parts_.data(), received_.data(), next * length, device.stream);
        nccl_.mark();
        nccl_.wait("average");
    }

    NcclCommunicator nccl_;
    std::span<float> received_;     // parts of all states, on the device
    std::span<float> parts_, mean_; // in host memory
    std::vector<Call> calls_;       // of a group
    bool under_way_ = false;
};

} // namespace

std::unique_ptr<Transport> make_nccl_transport(const Communicator& comm, std::shared_ptr<NcclLibrary> nccl,
                                               DeviceAccess device, AverageSize largest) {
    return std::make_unique<NcclTransport>(comm, std::move(nccl), std::move(device), largest);
}

} // namespace autosampling

#include "autosampling/training/batch_loader.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/narrow.hpp"
#include "resident_loader.hpp"

#include <ATen/ops/empty.h>
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <deque>

namespace autosampling {
namespace {

using at::Tensor;

constexpr std::size_t most_ahead = 4; // batches that were made and may not be used yet

std::vector<std::int64_t> batch_shape(const Shape& shape, std::int64_t size) {
    std::vector<std::int64_t> lengths{size};
    lengths.insert(lengths.end(), shape.lengths().begin(), shape.lengths().end());
    return lengths;
}

// Has the source make batches in host memory. For a CPU it is the same memory again and again, and a batch is a view of
// it. For a GPU each has memory of its own that the device reads by itself while the next are made; LibTorch's
// allocator hands such memory out again only when the device has read it. So that there isn't too much of it, a batch
// is made only when the device has done what was begun before the last few.
class HostLoader : public BatchLoader {
  public:
    HostLoader(const DatasetFacts& facts, std::int64_t largest, at::Device device, bool streams)
        : examples_(at::empty(batch_shape(facts.shape, streams ? 0 : largest), at::kFloat)),
          wanted_(facts.is_regression() ? at::empty({examples_.size(0), facts.targets}, at::kFloat)
                                        : at::empty({examples_.size(0)}, at::kLong)),
          device_(device), streams_(streams) {}

    void begin(const Wanted& wanted) override { asked_.emplace(wanted); }

    std::vector<Tensor> parts(std::size_t first, std::size_t size) override {
        if (device_.is_cuda()) wait_for_earlier();
        const auto& [set, part, all, augmentation] = *asked_;
        const auto indices = all.subspan(first, size);
        const Tensor examples = room(examples_, narrow<std::int64_t>(size));
        const Tensor wanted = room(wanted_, narrow<std::int64_t>(size));
        rows_.clear();
        for (const std::uint32_t index : indices) {
            EXPECT(index < part.source.size());
            rows_.push_back(part.source[index]);
        }
        if (set.targets.empty()) {
            auto* label = wanted.data_ptr<std::int64_t>();
            for (const std::uint32_t index : indices) *label++ = part.label[index];
        } else {
            const auto targets = to_size(wanted.size(1));
            auto* target = wanted.data_ptr<float>();
            for (const std::uint32_t row : rows_)
                target = std::ranges::copy(set.targets.subspan(row * targets, targets), target).out;
        }
        std::optional<AugmentationDraws> draws;
        if (augmentation) draws = {*augmentation, narrow<std::uint32_t>(first)};
        set.source->fill(rows_, draws, {examples.data_ptr<float>(), to_size(examples.numel())});
        const bool images = examples.dim() == 4;
        return {images ? examples.permute({0, 3, 1, 2}) : examples, wanted};
    }

    Batch make(const std::vector<Tensor>& parts) const override {
        return {parts.at(0).to(device_, /*non_blocking=*/true), parts.at(1).to(device_, /*non_blocking=*/true)};
    }

  private:
    // On a GPU, when a batch is asked for.
    void wait_for_earlier() {
        if (asked_before_.size() == most_ahead) {
            asked_before_.front().synchronize();
            asked_before_.pop_front();
        }
        asked_before_.emplace_back(device_.type());
        asked_before_.back().record(c10::impl::VirtualGuardImpl(device_.type()).getStream(device_));
    }

    // Memory for a batch like those of `kept`.
    Tensor room(const Tensor& kept, std::int64_t size) const {
        if (!streams_) return kept.narrow(0, 0, size);
        std::vector<std::int64_t> lengths = kept.sizes().vec();
        lengths.front() = size;
        return at::empty(lengths, kept.options().pinned_memory(device_.is_cuda()));
    }

    Tensor examples_; // (largest, shape) f32; of streams (0, shape)
    Tensor wanted_;   // (largest) i64 or (largest, targets) f32; of streams (0 …)
    at::Device device_;
    bool streams_;
    std::optional<Wanted> asked_;
    std::deque<c10::Event> asked_before_; // what was begun on the GPU when each of the last batches was asked for
    std::vector<std::uint32_t> rows_;
};

} // namespace

std::unique_ptr<BatchLoader> make_batch_loader(Batches kind, const Dataset& dataset, std::int64_t largest,
                                               at::Device device, const BatchLoader* other) {
    if (kind == Batches::resident)
        return other ? std::make_unique<ResidentLoader>(dynamic_cast<const ResidentLoader&>(*other))
                     : std::make_unique<ResidentLoader>(dataset, device);
    EXPECT(kind == Batches::streamed || device.is_cpu());
    return std::make_unique<HostLoader>(dataset.facts, largest, device, kind == Batches::streamed);
}

std::optional<std::int64_t> resident_bytes(const Dataset& dataset) {
    std::int64_t bytes = 0;
    for (const ExampleSet* set : {&dataset.training, &dataset.test}) {
        if (set->rows == 0) continue;
        const auto images = set->source->pixels();
        if (!images) return std::nullopt;
        bytes += narrow<std::int64_t>(images->values.size() + set->targets.size() * sizeof(float));
    }
    return bytes;
}

} // namespace autosampling

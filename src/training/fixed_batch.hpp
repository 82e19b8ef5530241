// Batches for work that a device repeats.
//
// Letter: B examples of a batch.
#pragma once

#include "autosampling/base/narrow.hpp"
#include "autosampling/training/batch_loader.hpp"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty_strided.h>

#include <cstdint>
#include <vector>

namespace autosampling {

// The batches of a loader, which must outlive it, one after the other in the same memory of the device.
class FixedBatch {
  public:
    FixedBatch(BatchLoader& loader, std::int64_t size, at::Device device)
        : loader_(loader), size_(size), device_(device) {}

    // Brings `size` ≤ B of the examples that the loader has begun, from place `first` on; behind them stays what was
    // there, at first zeros. Doesn't wait for the device.
    void bring(std::size_t first, std::size_t size) {
        const std::vector<at::Tensor> next = loader_.parts(first, size);
        if (parts_.empty())
            for (const at::Tensor& part : next) {
                std::vector<std::int64_t> lengths = part.sizes().vec();
                lengths.front() = size_;
                parts_.push_back(
                    at::empty_strided(lengths, part.strides(), part.options().device(device_).pinned_memory(false))
                        .zero_());
            }
        for (std::size_t i = 0; i < next.size(); ++i)
            parts_[i].narrow(0, 0, narrow<std::int64_t>(size)).copy_(next[i], /*non_blocking=*/true);
    }

    // What is there, without a look at anything on the host.
    Batch batch() const { return loader_.make(parts_); }

  private:
    BatchLoader& loader_;
    std::int64_t size_;
    at::Device device_;
    std::vector<at::Tensor> parts_;
};

} // namespace autosampling

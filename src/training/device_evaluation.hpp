// Evaluation that takes everything from its device.
//
// Letter: B examples of a batch.
#pragma once

#include "autosampling/training/network.hpp"
#include "autosampling/training/options.hpp"
#include "autosampling/training/repeated.hpp"
#include "fixed_batch.hpp"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

namespace autosampling {

// What the scores of b examples come from.
struct Evaluated {
    at::Tensor outputs; // (b, outputs) f32
    at::Tensor losses;  // (b) f32
    at::Tensor wanted;  // (b) i64 classes, or (b, targets) f32
};

// Batches of one part of the data set, which come to one place on the device. Each is the same work there, on B
// examples, so that a GPU can record it; of a smaller batch the rest is left out of the results. The network and the
// loader must outlive it.
class DeviceEvaluation {
  public:
    // `recorded`: as a CUDA graph, on a GPU; else a batch is a plain call.
    DeviceEvaluation(Network& network, BatchLoader& loader, std::int64_t batch, at::Device device, Precision precision,
                     bool recorded)
        : network_(network), device_(device), precision_(precision), recorded_(recorded),
          batch_(loader, batch, device) {}

    // `size` ≤ B of the examples that the loader has begun, from place `first` on, by the network in evaluation mode.
    // The results are copies on the device; doesn't wait for them. Local.
    Evaluated run(std::size_t first, std::size_t size);

  private:
    void pass();

    Network& network_;
    at::Device device_;
    Precision precision_;
    bool recorded_;

    // On the device, in the same place all the time.
    FixedBatch batch_;
    Evaluated found_; // of B examples
    std::unique_ptr<Repeated> pass_;
};

} // namespace autosampling

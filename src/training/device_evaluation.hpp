// Evaluation that takes everything from its device.
//
// Letter: B examples of a batch.
#pragma once

#include "autosampling/training/network.hpp"
#include "autosampling/training/repeated.hpp"
#include "resident_loader.hpp"

#include <cstdint>
#include <memory>

namespace autosampling {

// What the scores of b examples come from.
struct Evaluated {
    torch::Tensor outputs; // (b, outputs) f32
    torch::Tensor losses;  // (b) f32
    torch::Tensor wanted;  // (b) i64 classes, or (b, targets) f32
};

// Batches of one part of the data set, whose images lie on the device. Each is the same work there, on B examples, so
// that a GPU can record it; of a smaller batch the rest is left out of the results. The network and the images must
// outlive it.
class DeviceEvaluation {
  public:
    // `recorded`: as a CUDA graph, on a GPU; else a batch is a plain call.
    DeviceEvaluation(Network& network, const ResidentLoader& images, std::int64_t batch, Precision precision,
                     bool recorded)
        : network_(network), images_(images), batch_(batch), precision_(precision), recorded_(recorded) {}

    // `size` ≤ B of the examples that the loader has begun, from place `first` on, by the network in evaluation mode.
    // The results are copies on the device; doesn't wait for them. Local.
    Evaluated run(std::int64_t first, std::int64_t size);

  private:
    void pass();

    Network& network_;
    const ResidentLoader& images_;
    std::int64_t batch_;
    Precision precision_;
    bool recorded_;

    // On the device, in the same place all the time.
    torch::Tensor placed_; // (columns, B) i64
    Evaluated found_;      // of B examples
    std::unique_ptr<Repeated> pass_;
};

} // namespace autosampling

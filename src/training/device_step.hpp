// Training steps that take everything from their device.
//
// Letters: K draws a cycle, B batch.
#pragma once

#include "autosampling/training/flat_state.hpp"
#include "autosampling/training/network.hpp"
#include "autosampling/training/options.hpp"
#include "autosampling/training/repeated.hpp"
#include "fixed_batch.hpp"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>

namespace autosampling {

// What the steps of a cycle differ in, but for their examples.
struct CycleValues {
    std::span<const float> learning_rates; // (K / B)
    float weight_decay = 0;
    std::uint64_t seed = 0; // of what the network draws for itself
};

// SGD whose batches come to one place on the device. A cycle's other values go there once; a step finds its own by a
// counter there, so that each is the same work, and a GPU can record it. The state, the network and the loader must
// outlive it.
class DeviceStep {
  public:
    // `recorded`: as a CUDA graph, on a GPU; else a step is a plain call.
    DeviceStep(Network& network, const FlatState& state, const LossScale& scale, BatchLoader& loader,
               const TrainingOptions& options, Precision precision, bool recorded);

    // A cycle on the examples that the loader has begun. Nothing of it waits for the device. Local.
    void begin(const CycleValues& values);
    // Its next step.
    void run();
    // The loss of each draw before its batch's step, (K) f32 on the device.
    at::Tensor losses() const;

  private:
    void bring_next();
    void resize(std::int64_t steps);
    void prepare();
    void step();

    Network& network_;
    const FlatState& state_;
    const LossScale& scale_;
    TrainingOptions options_;
    Precision precision_;
    bool recorded_;

    // On the device, in the same place all the time.
    FixedBatch batch_;
    at::Tensor rates_;        // (K / B) f32
    at::Tensor weight_decay_; // (1) f32
    at::Tensor counter_;      // (1) i64: the step, from 0
    at::Tensor steps_;        // (K / B, 1) i64: 0, 1, …
    at::Tensor losses_;       // (K / B, B) f32
    std::unique_ptr<Repeated> step_;
    std::size_t next_ = 0; // step of the cycle
};

} // namespace autosampling

// One contiguous buffer a member: parameters, momentum, batch-norm statistics, the scale of the loss.
//
// Letter: D length of the state in floats, padding included.
#pragma once

#include "autosampling/base/state_tensor.hpp"
#include "autosampling/training/loss_scale.hpp"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace autosampling {

class Network;

// This tensor as a view of a buffer that is laid out like the state (or like its first part).
at::Tensor view_of(const StateTensor& tensor, const at::Tensor& flat);

// Takes over the storage of a network: its parameters and statistics (batch norm's, and other buffers) become views of
// one buffer, followed by gradients of their own. Order: parameters, momentum, statistics, others of the
// optimizer; each tensor at a multiple of 64 bytes, padding zero.
//
// A buffer of whole numbers can't be such a view: the state has a copy of it, exact up to 2^24.
class FlatState {
  public:
    // `optimizer`: what else it has, taken over as well.
    FlatState(Network& network, at::Device device, const NamedTensors& optimizer = {});

    // (D) f32, on the device; what is exchanged, hashed and checkpointed.
    const at::Tensor& buffer() const { return buffer_; }
    // (D) f32 on the host: a view on a CPU; throws Error(failure) on another device.
    std::span<float> host() const;
    const at::Tensor& parameters() const { return parameters_; } // (W) f32 view, padding included
    const at::Tensor& momentum() const { return momentum_; }     // (W) f32 view
    const at::Tensor& gradients() const { return gradients_; }   // (W) f32, not part of the state
    const std::vector<StateTensor>& layout() const { return layout_; }

    // Whole numbers: from the state to the network, before it is used, and back, after it was trained. The latter
    // returns the largest magnitude, (1) f32 on the device, 0 without any: what `require_exact` is to be asked of, when
    // the host looks at results anyway.
    void load_whole_numbers() const;
    at::Tensor store_whole_numbers() const;
    // Throws Error(failure) beyond 2^24, where f32 can't hold it.
    static void require_exact(float largest_whole_number);

  private:
    struct WholeNumbers {
        at::Tensor values; // the network's
        at::Tensor copy;   // f32, a view of the state
    };

    at::Tensor buffer_, parameters_, momentum_, gradients_;
    std::vector<StateTensor> layout_;
    std::vector<WholeNumbers> whole_numbers_;
};

} // namespace autosampling

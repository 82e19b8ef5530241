// The scale of the loss under fp16.
#pragma once

#include "autosampling/training/options.hpp"

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace autosampling {

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

// Multiplies the loss before the backward pass, so that small gradients don't become 0 in fp16, and is taken off the
// gradients behind it. Where one of them isn't finite, the step is skipped and the scale halved; after 2,000 steps
// without that it is doubled (as torch.amp.GradScaler has it). It belongs to the member's state. In another precision
// there is none, and nothing changes.
class LossScale {
  public:
    LossScale() = default; // none
    explicit LossScale(Precision precision);

    // What of it the state holds: it becomes views of the state.
    NamedTensors tensors() const;

    at::Tensor scaled(const at::Tensor& loss) const { return scale_.defined() ? loss.mul(scale_) : loss; }
    // Takes the scale off, then lets it follow what was found: 1 where the step is to be skipped, else 0, (1) f32 on
    // the device. None without a scale.
    std::optional<at::Tensor> unscale(const at::Tensor& gradients) const;

  private:
    at::Tensor scale_; // (1) f32
    at::Tensor steps_; // (1) i32: since it last changed
};

} // namespace autosampling

// The precision of a network's forward pass.
#pragma once

#include "autosampling/training/options.hpp"

#include <ATen/autocast_mode.h>

namespace autosampling {

// While it lives, bf16 and fp16 run what gains by it in that format, on this thread (PyTorch's autocast); fp32 changes
// nothing. The parameters are cast once a scope, so a scope must end before they change.
class Autocast {
  public:
    Autocast(Precision precision, at::DeviceType device)
        : device_(device), before_(at::autocast::is_autocast_enabled(device)) {
        at::autocast::set_autocast_enabled(device_, precision != Precision::fp32);
        at::autocast::set_autocast_dtype(device_, precision == Precision::fp16 ? at::kHalf : at::kBFloat16);
        at::autocast::increment_nesting();
    }
    ~Autocast() {
        if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
        at::autocast::set_autocast_enabled(device_, before_);
    }
    // The format that is on now.
    static at::ScalarType type(at::DeviceType device) {
        return at::autocast::is_autocast_enabled(device) ? at::autocast::get_autocast_dtype(device) : at::kFloat;
    }
    static Precision now(at::DeviceType device) {
        const at::ScalarType format = type(device);
        return format == at::kFloat ? Precision::fp32 : format == at::kHalf ? Precision::fp16 : Precision::bf16;
    }
    Autocast(const Autocast&) = delete;
    Autocast& operator=(const Autocast&) = delete;

  private:
    at::DeviceType device_;
    bool before_;
};

} // namespace autosampling

// The score of a batch.
//
// Letter: B batch.
#pragma once

#include "autosampling/training/score.hpp"

#include <ATen/core/Tensor.h>

#include <cstddef>

namespace autosampling {

// Of outputs (B, classes) and the losses (B) and wanted classes (B) i64 of the same; of a regression outputs and wanted
// are (B, targets) f32, and there is one class. All on the host.
Score score_of(const at::Tensor& outputs, const at::Tensor& losses, const at::Tensor& wanted, std::size_t classes);

} // namespace autosampling

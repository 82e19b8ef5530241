#include "device_evaluation.hpp"

#include "autosampling/training/autocast.hpp"
#include "loss.hpp"

#include <ATen/ops/empty_like.h>

namespace autosampling {
namespace {

using at::Tensor;

// Into memory of its own, made at the first time.
void put(const Tensor& values, Tensor& place) {
    if (!place.defined()) place = at::empty_like(values);
    place.copy_(values);
}

} // namespace

Evaluated DeviceEvaluation::run(std::size_t first, std::size_t size) {
    batch_.bring(first, size);
    if (!pass_) pass_ = recorded_ ? repeat(device_, [this] { pass(); }) : call([this] { pass(); });
    pass_->run();
    const auto part = [size](const Tensor& values) { return values.narrow(0, 0, narrow<std::int64_t>(size)).clone(); };
    return {part(found_.outputs), part(found_.losses), part(found_.wanted)};
}

void DeviceEvaluation::pass() {
    const Batch batch = batch_.batch();
    const Autocast autocast(precision_, device_.type());
    const Tensor outputs = network_.forward(batch.examples).to(at::kFloat);
    put(outputs, found_.outputs);
    put(loss_of(outputs, batch.wanted, at::Reduction::None), found_.losses);
    put(batch.wanted, found_.wanted);
}

} // namespace autosampling

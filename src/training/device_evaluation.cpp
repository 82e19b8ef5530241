#include "device_evaluation.hpp"

#include "autosampling/training/autocast.hpp"
#include "loss.hpp"

#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>

namespace autosampling {
namespace {

using torch::Tensor;

// Into memory of its own, made at the first time.
void put(const Tensor& values, Tensor& place) {
    if (!place.defined()) place = at::empty_like(values);
    place.copy_(values);
}

} // namespace

Evaluated DeviceEvaluation::run(std::int64_t first, std::int64_t size) {
    const Tensor& all = images_.placed();
    if (!placed_.defined()) placed_ = at::zeros({all.size(0), batch_}, all.options()); // all of the first image
    placed_.narrow(1, 0, size).copy_(all.narrow(1, first, size));
    if (!pass_) pass_ = recorded_ ? repeat(placed_.device(), [this] { pass(); }) : call([this] { pass(); });
    pass_->run();
    const auto part = [size](const Tensor& values) { return values.narrow(0, 0, size).clone(); };
    return {part(found_.outputs), part(found_.losses), part(found_.wanted)};
}

void DeviceEvaluation::pass() {
    const Batch batch = images_.make(placed_);
    const Autocast autocast(precision_, placed_.device().type());
    const Tensor outputs = network_.forward(batch.examples).to(torch::kFloat);
    put(outputs, found_.outputs);
    put(loss_of(outputs, batch.wanted, at::Reduction::None), found_.losses);
    put(batch.wanted, found_.wanted);
}

} // namespace autosampling

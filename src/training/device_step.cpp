#include "device_step.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/training/autocast.hpp"
#include "autosampling/training/sgd.hpp"
#include "loss.hpp"

#include <ATen/Context.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

namespace autosampling {

using at::Tensor;

DeviceStep::DeviceStep(Network& network, const FlatState& state, const LossScale& scale, BatchLoader& loader,
                       const TrainingOptions& options, Precision precision, bool recorded)
    : network_(network), state_(state), scale_(scale), options_(options), precision_(precision), recorded_(recorded),
      batch_(loader, options.batch_size, state.buffer().device()) {
    const at::TensorOptions whole = at::TensorOptions(at::kLong).device(state.buffer().device());
    weight_decay_ = at::zeros({1}, state.buffer().options());
    counter_ = at::zeros({1}, whole);
}

void DeviceStep::begin(const CycleValues& values) {
    const at::Device device = state_.buffer().device();
    const auto steps = std::ssize(values.learning_rates);
    if (!rates_.defined() || rates_.numel() != steps) resize(steps);
    const Tensor rates = at::empty({steps}, at::TensorOptions(at::kFloat).pinned_memory(device.is_cuda()));
    std::ranges::copy(values.learning_rates, rates.data_ptr<float>());
    rates_.copy_(rates, /*non_blocking=*/true);
    weight_decay_.fill_(values.weight_decay);
    next_ = 0;
    bring_next();
    if (!step_) prepare();
    counter_.zero_();
    at::manual_seed(values.seed);
}

void DeviceStep::run() {
    if (next_ > 0) bring_next();
    step_->run();
    ++next_;
}

Tensor DeviceStep::losses() const {
    return losses_.flatten().clone();
}

void DeviceStep::bring_next() {
    const std::size_t size = to_size(options_.batch_size);
    batch_.bring(next_ * size, size);
}

void DeviceStep::resize(std::int64_t steps) {
    const auto whole = counter_.options();
    rates_ = at::empty({steps}, state_.buffer().options());
    steps_ = at::arange(steps, whole).view({steps, 1});
    losses_ = at::zeros({steps, options_.batch_size}, state_.buffer().options());
    step_.reset(); // it works on other memory
}

// Leaves the state as it was, though a recording trains a few steps.
void DeviceStep::prepare() {
    if (!recorded_) {
        step_ = call([this] { step(); });
        return;
    }
    const Tensor before = state_.buffer().clone();
    step_ = repeat(before.device(), [this] { step(); });
    state_.buffer().copy_(before);
    state_.load_whole_numbers();
}

void DeviceStep::step() {
    const Batch batch = batch_.batch();
    Tensor outputs;
    {
        const Autocast autocast(precision_, state_.buffer().device().type());
        outputs = network_.forward(batch.examples).to(at::kFloat);
    }
    const Tensor losses = loss_of(outputs, batch.wanted, at::Reduction::None, options_.label_smoothing); // (B)
    losses_.copy_(at::where(steps_ == counter_, losses.detach(), losses_));
    scale_.scaled(losses.mean()).backward();
    sgd_step(state_, options_, rates_.index_select(0, counter_), weight_decay_, scale_);
    counter_.add_(1).remainder_(steps_.numel()); // a recording begins anew, too
}

} // namespace autosampling

#include "autosampling/training/flat_state.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/training/network.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/zeros.h>
#include <torch/nn/modules/batchnorm.h>

#include <algorithm>

namespace autosampling {
namespace {

constexpr std::int64_t alignment = 16; // floats: 64 bytes

std::int64_t padded(std::int64_t elements) {
    return (elements + alignment - 1) / alignment * alignment;
}

// The buffers that matter: all but our batch norms' counters of batches, which have no effect.
NamedTensors statistics_of(const Network& network) {
    std::vector<const void*> idle;
    for (const auto& module : network.modules()) {
        if (const auto* const norm = module->as<torch::nn::BatchNorm2d>())
            idle.push_back(norm->num_batches_tracked.unsafeGetTensorImpl());
    }
    NamedTensors statistics;
    for (const auto& buffer : network.named_buffers())
        if (std::ranges::find(idle, buffer.value().unsafeGetTensorImpl()) == idle.end())
            statistics.emplace_back(buffer.key(), buffer.value());
    return statistics;
}

} // namespace

at::Tensor view_of(const StateTensor& tensor, const at::Tensor& flat) {
    const auto& shape = tensor.shape;
    std::vector<std::int64_t> strides(shape.size());
    std::int64_t stride = 1;
    const auto next = [&](std::size_t dimension) {
        strides[dimension] = stride;
        stride *= shape[dimension];
    };
    if (tensor.channels_last) {
        for (const std::size_t dimension : {1, 3, 2, 0}) next(dimension);
    } else {
        for (std::size_t dimension = shape.size(); dimension-- > 0;) next(dimension);
    }
    return flat.as_strided(shape, strides, tensor.offset);
}

FlatState::FlatState(Network& network, at::Device device, const NamedTensors& optimizer) {
    const at::NoGradGuard no_grad;
    std::int64_t end = 0;
    const auto append = [&](std::string name, const at::Tensor& tensor) {
        layout_.push_back({std::move(name), tensor.sizes().vec(), end,
                           tensor.dim() == 4 && tensor.is_contiguous(at::MemoryFormat::ChannelsLast)});
        end += padded(tensor.numel());
    };
    auto parameters = network.named_parameters();
    for (const auto& parameter : parameters) append(parameter.key(), parameter.value());
    const std::int64_t weights = end;
    for (const auto& parameter : parameters) append("momentum." + parameter.key(), parameter.value());
    NamedTensors statistics = statistics_of(network);
    statistics.insert(statistics.end(), optimizer.begin(), optimizer.end());
    for (const auto& [name, statistic] : statistics) append(name, statistic);

    buffer_ = at::zeros(end, at::TensorOptions(device));
    parameters_ = buffer_.narrow(0, 0, weights);
    momentum_ = buffer_.narrow(0, weights, weights);
    gradients_ = at::zeros(weights, at::TensorOptions(device));
    const auto move_in = [&](at::Tensor& tensor, const StateTensor& entry) {
        const at::Tensor view = view_of(entry, buffer_);
        view.copy_(tensor);
        tensor.set_data(view);
    };
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        at::Tensor& parameter = parameters[i].value();
        move_in(parameter, layout_[i]);
        parameter.mutable_grad() = view_of(layout_[i], gradients_);
    }
    for (std::size_t i = 0; i < statistics.size(); ++i) {
        at::Tensor& statistic = statistics[i].second;
        const StateTensor& entry = layout_[2 * parameters.size() + i];
        if (statistic.is_floating_point()) {
            move_in(statistic, entry);
        } else {
            statistic.set_data(statistic.to(device));
            whole_numbers_.push_back({statistic, view_of(entry, buffer_)});
        }
    }
    if (!whole_numbers_.empty()) require_exact(store_whole_numbers().item<float>());
}

void FlatState::load_whole_numbers() const {
    const at::NoGradGuard no_grad;
    for (const auto& [values, copy] : whole_numbers_) values.copy_(copy);
}

at::Tensor FlatState::store_whole_numbers() const {
    const at::NoGradGuard no_grad;
    at::Tensor largest = at::zeros({1}, buffer_.options());
    for (const auto& [values, copy] : whole_numbers_) {
        copy.copy_(values);
        if (copy.numel() > 0) largest = at::maximum(largest, copy.abs().max());
    }
    return largest;
}

void FlatState::require_exact(float largest_whole_number) {
    VALIDATE(largest_whole_number <= 0x1p24F, ExitCode::failure,
             "the network has a buffer of whole numbers beyond 2^24 (its state is of float32, which can't hold them "
             "exactly): keep them below, or in a buffer of float32");
}

std::span<float> FlatState::host() const {
    VALIDATE(buffer_.is_cpu(), ExitCode::failure, "the state is not in host memory (it lives on ", buffer_.device(),
             "): copy it to the CPU first");
    return {buffer_.data_ptr<float>(), static_cast<std::size_t>(buffer_.numel())};
}

} // namespace autosampling

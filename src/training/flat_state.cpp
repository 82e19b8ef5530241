#include "autosampling/training/flat_state.hpp"

#include "autosampling/base/error.hpp"

namespace autosampling {
namespace {

constexpr std::int64_t alignment = 16; // floats: 64 bytes

std::int64_t padded(std::int64_t elements) {
    return (elements + alignment - 1) / alignment * alignment;
}

} // namespace

torch::Tensor StateEntry::view(const torch::Tensor& flat) const {
    std::vector<std::int64_t> strides(shape.size());
    std::int64_t stride = 1;
    const auto next = [&](std::size_t dimension) {
        strides[dimension] = stride;
        stride *= shape[dimension];
    };
    if (channels_last) {
        for (const std::size_t dimension : {1, 3, 2, 0}) next(dimension);
    } else {
        for (std::size_t dimension = shape.size(); dimension-- > 0;) next(dimension);
    }
    return flat.as_strided(shape, strides, offset);
}

FlatState::FlatState(Network& network, torch::Device device) {
    const torch::NoGradGuard no_grad;
    std::int64_t end = 0;
    const auto append = [&](std::string name, const torch::Tensor& tensor) {
        entries_.push_back({std::move(name), tensor.sizes().vec(), end, tensor.dim() == 4});
        end += padded(tensor.numel());
    };
    auto parameters = network.named_parameters();
    for (const auto& parameter : parameters) append(parameter.key(), parameter.value());
    const std::int64_t weights = end;
    for (const auto& parameter : parameters) append("momentum." + parameter.key(), parameter.value());
    std::vector<torch::Tensor> statistics; // all but batch norm's counters of batches, which have no effect
    for (const auto& statistic : network.named_buffers()) {
        if (!statistic.value().is_floating_point()) continue;
        append(statistic.key(), statistic.value());
        statistics.push_back(statistic.value());
    }

    buffer_ = torch::zeros(end, torch::TensorOptions(device));
    parameters_ = buffer_.narrow(0, 0, weights);
    momentum_ = buffer_.narrow(0, weights, weights);
    gradients_ = torch::zeros(weights, torch::TensorOptions(device));
    const auto move_in = [&](torch::Tensor& tensor, const StateEntry& entry) {
        const torch::Tensor view = entry.view(buffer_);
        view.copy_(tensor);
        tensor.set_data(view);
    };
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        torch::Tensor& parameter = parameters[i].value();
        move_in(parameter, entries_[i]);
        parameter.mutable_grad() = entries_[i].view(gradients_);
    }
    for (std::size_t i = 0; i < statistics.size(); ++i) move_in(statistics[i], entries_[2 * parameters.size() + i]);
}

std::span<float> FlatState::host() const {
    VALIDATE(buffer_.is_cpu(), ExitCode::failure, "the state is not in host memory (it lives on ", buffer_.device(),
             "): copy it to the CPU first");
    return {buffer_.data_ptr<float>(), static_cast<std::size_t>(buffer_.numel())};
}

} // namespace autosampling

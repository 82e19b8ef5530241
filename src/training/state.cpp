#include "autosampling/training/state.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/hash.hpp"
#include "autosampling/base/narrow.hpp"

#include <ATen/ops/empty.h>

#include <algorithm>

namespace autosampling {

State::State(at::Tensor buffer) : buffer_(std::move(buffer)) {
    EXPECT(buffer_.dim() == 1 && buffer_.is_contiguous() && buffer_.scalar_type() == at::kFloat);
}

State State::unfilled(std::int64_t length, at::Device device) {
    return State(at::empty({length}, at::TensorOptions(at::kFloat).device(device)));
}

State State::from_host(std::span<const float> values, at::Device device) {
    State state = unfilled(std::ssize(values), at::kCPU);
    std::ranges::copy(values, state.fill().begin());
    return state.on(device);
}

std::span<const float> State::memory() const {
    return {buffer_.const_data_ptr<float>(), to_size(buffer_.numel())};
}

std::span<float> State::fill() {
    return {buffer_.data_ptr<float>(), to_size(buffer_.numel())};
}

std::uint64_t State::hash() const {
    const State host = on_host();
    return hash_of(host.memory());
}

} // namespace autosampling

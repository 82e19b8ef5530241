#include "autosampling/training/state.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/hash.hpp"
#include "autosampling/base/narrow.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <vector>

namespace autosampling {
namespace {

// Host memory of states that are gone, kept for the next ones of the same length: in the heap what is smaller would be
// put there and split it up. All states of a run have one length.
class FreeBlocks {
  public:
    // Its memory is here again when the last tensor that shares it is gone.
    at::Tensor take(std::int64_t length) {
        at::Tensor block = find(length);
        if (!block.defined()) block = at::empty({length}, at::kFloat);
        const auto give_back = [this, block](void*) {
            const std::lock_guard lock(mutex_);
            blocks_[block.numel()].push_back(block);
        };
        return at::from_blob(block.data_ptr(), {length}, give_back, at::kFloat);
    }

  private:
    at::Tensor find(std::int64_t length) {
        const std::lock_guard lock(mutex_);
        std::vector<at::Tensor>& blocks = blocks_[length];
        if (blocks.empty()) return {};
        at::Tensor last = std::move(blocks.back());
        blocks.pop_back();
        return last;
    }

    std::mutex mutex_;                                       // a state that is written down ends on the writer's thread
    std::map<std::int64_t, std::vector<at::Tensor>> blocks_; // by length, the one that was used last at the end
};

FreeBlocks& free_blocks() {
    static FreeBlocks& blocks = *new FreeBlocks; // outlives all states
    return blocks;
}

} // namespace

State::State(at::Tensor buffer) : buffer_(std::move(buffer)) {
    EXPECT(buffer_.dim() == 1 && buffer_.is_contiguous() && buffer_.scalar_type() == at::kFloat);
}

State State::unfilled(std::int64_t length, at::Device device) {
    if (device.is_cpu()) return State(free_blocks().take(length));
    return State(at::empty({length}, at::TensorOptions(at::kFloat).device(device)));
}

State State::copy(const at::Tensor& buffer, at::Device device) {
    const at::NoGradGuard no_grad;
    const State state = unfilled(buffer.numel(), device);
    state.buffer_.copy_(buffer);
    return state;
}

State State::on(at::Device device) const {
    return device.is_cpu() && !buffer_.is_cpu() ? copy(buffer_, device) : State(buffer_.to(device));
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

#include "autosampling/training/state.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/hash.hpp"
#include "autosampling/base/narrow.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <map>
#include <mutex>

namespace autosampling {
namespace {

// Host memory of states that are gone, for the next ones: in the heap what is smaller would be put there and split it
// up.
class FreeBlocks {
  public:
    // Its memory is here again when the last tensor that shares it is gone.
    at::Tensor take(std::int64_t length) {
        at::Tensor block = find(length);
        if (!block.defined()) block = at::empty({length}, at::kFloat);
        const auto give_back = [this, block](void*) {
            const std::lock_guard lock(mutex_);
            blocks_.emplace(block.numel(), block);
        };
        return at::from_blob(block.data_ptr(), {length}, give_back, at::kFloat);
    }

  private:
    at::Tensor find(std::int64_t length) {
        const std::lock_guard lock(mutex_);
        const auto found = blocks_.extract(length);
        return found ? found.mapped() : at::Tensor();
    }

    std::mutex mutex_;                               // a state that is written down ends on the writer's thread
    std::multimap<std::int64_t, at::Tensor> blocks_; // by length
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

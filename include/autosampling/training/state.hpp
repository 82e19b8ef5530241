// A member's state, wherever it lies.
//
// Letter: D length of the state in floats, padding included.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

namespace autosampling {

// A handle to a state (D) f32 on the device that trains it. Its copies share the state, which doesn't change any more
// once a member may go on from it or something writes it down.
class State {
  public:
    State() = default; // none
    // Takes over a buffer (D) f32, contiguous.
    explicit State(at::Tensor buffer);
    // One to be filled before it is given to anybody; on the host in the memory of one that is gone, if there is any.
    static State unfilled(std::int64_t length, at::Device device);
    // A copy of a buffer (D) f32, wherever that lies.
    static State copy(const at::Tensor& buffer, at::Device device);
    // A copy of what is in host memory (D).
    static State from_host(std::span<const float> values, at::Device device);

    explicit operator bool() const { return buffer_.defined(); }
    const at::Tensor& buffer() const { return buffer_; }
    // Where it lies on its device, for what works there: the transports.
    std::span<const float> memory() const;
    std::span<float> fill();

    // The same on a device: itself where it is there already, else a copy.
    State on(at::Device device) const;
    State on_host() const { return on(at::kCPU); }

    // Of its bytes, wherever they are.
    std::uint64_t hash() const;

  private:
    at::Tensor buffer_;
};

} // namespace autosampling

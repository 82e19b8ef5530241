// What a device does again and again.
#pragma once

#include <c10/core/Device.h>

#include <functional>
#include <memory>

namespace autosampling {

class Repeated {
  public:
    virtual ~Repeated() = default;
    virtual void run() = 0;
};

// On a GPU the action is done a few times, so that libraries choose how, and recorded as a CUDA graph: a run is then
// one launch. It must work on the same memory each time, look at nothing on the host, and be on the stream of
// prepare_device. Throws Error(failure), with the option that does without, where it can't be recorded; the device is
// of no more use then. On a CPU a run is a plain call. On a GPU this has not been run.
std::unique_ptr<Repeated> repeat(const at::Device& device, std::function<void()> action);

// A plain call each time.
std::unique_ptr<Repeated> call(std::function<void()> action);

} // namespace autosampling

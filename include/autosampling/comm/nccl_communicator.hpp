// NCCL between the ranks of a communicator, as the life of an object: polled, with the communicator's time-out.
#pragma once

#include "autosampling/comm/communicator.hpp"
#include "autosampling/comm/nccl_library.hpp"

#include <functional>
#include <memory>
#include <span>

namespace autosampling {

// A rank's device, and the stream on which all that it computes and communicates follows one another.
struct DeviceAccess {
    std::shared_ptr<DeviceRuntime> runtime;
    DeviceStream stream = nullptr;
};

// An error of NCCL's or of the device's is Error(failure), a time-out Error(timeout), neither agreed; `operation` is
// what messages call it. After either, and where an exception destroys it, NCCL is aborted, for at most 5 s, and what
// it holds is left alone: to free that could wait for ever.
class NcclCommunicator {
  public:
    using Call = std::function<NcclResult(NcclLibrary&, NcclComm, DeviceStream)>;

    // Collective. The communicator must outlive it.
    NcclCommunicator(const Communicator& comm, std::shared_ptr<NcclLibrary> nccl, DeviceAccess device);
    ~NcclCommunicator();
    NcclCommunicator(const NcclCommunicator&) = delete;
    NcclCommunicator& operator=(const NcclCommunicator&) = delete;

    // Starts the calls on the stream, as a group where there are several; returns when NCCL has taken them in. Every
    // rank starts those that it has a part in, in the same order.
    void start(std::span<const Call> calls, const char* operation);
    // Marks the end of what was started so far, on the stream; and waits until it is reached.
    void mark();
    void wait(const char* operation);

    const Communicator& comm() const { return comm_; }
    const DeviceAccess& device() const { return device_; }

  private:
    // Does it, and leaves NCCL alone from then on where that fails.
    void attempt(const std::function<void()>& action);
    void check(NcclResult result, const char* operation) const;
    void settle(NcclResult result, const char* operation);
    NcclResult state(const char* operation) const;
    void abort() const noexcept;

    const Communicator& comm_;
    std::shared_ptr<NcclLibrary> nccl_;
    DeviceAccess device_;
    DeviceEvent marked_;
    NcclComm handle_ = nullptr;
    int exceptions_; // in flight when it was made
    bool failed_ = false;
};

} // namespace autosampling

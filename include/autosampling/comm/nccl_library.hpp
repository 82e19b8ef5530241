// What is needed of NCCL and of a device: a method for each C function. No header of CUDA's or NCCL's is needed here.
//
// Behind it is the NCCL of the process (src/comm/cuda), or in tests a fake. Both libraries may be called by a thread
// that aborts while another waits: no method but `abort` is called at the same time as it. NCCL and CUDA have not been
// run on the machines where this program was tested.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>

namespace autosampling {

// As ncclResult_t.
enum class NcclResult : int {
    success,
    unhandled_cuda_error,
    system_error,
    internal_error,
    invalid_argument,
    invalid_usage,
    remote_error,
    in_progress
};

// As ncclUniqueId.
struct NcclId {
    std::array<char, 128> bytes{};
};

using NcclComm = struct NcclCommTag*;         // ncclComm_t
using DeviceStream = struct DeviceStreamTag*; // cudaStream_t; null: the default stream
using DeviceEvent = struct DeviceEventTag*;   // cudaEvent_t

class NcclLibrary {
  public:
    virtual ~NcclLibrary() = default;
    virtual NcclResult unique_id(NcclId& id) = 0;
    virtual NcclResult init(NcclComm& comm, int ranks, const NcclId& id, int rank) = 0; // not blocking
    virtual NcclResult state(NcclComm comm, NcclResult& state) = 0;                     // ncclCommGetAsyncError
    virtual NcclResult group_start() = 0;
    virtual NcclResult group_end() = 0;
    // `count` values of f32 in the device's memory; in place where `from` is `to`.
    virtual NcclResult broadcast(const float* from, float* to, std::size_t count, int root, NcclComm comm,
                                 DeviceStream stream) = 0;
    virtual NcclResult send(const float* from, std::size_t count, int peer, NcclComm comm, DeviceStream stream) = 0;
    virtual NcclResult receive(float* to, std::size_t count, int peer, NcclComm comm, DeviceStream stream) = 0;
    // The sum of all ranks' values; and all ranks' values, `count` of each, rank after rank.
    virtual NcclResult all_reduce(const float* from, float* to, std::size_t count, NcclComm comm,
                                  DeviceStream stream) = 0;
    virtual NcclResult all_gather(const float* from, float* to, std::size_t count, NcclComm comm,
                                  DeviceStream stream) = 0;
    virtual NcclResult finalize(NcclComm comm) = 0;
    virtual NcclResult destroy(NcclComm comm) = 0;
    virtual NcclResult abort(NcclComm comm) = 0;
    // What NCCL says of a result, with its last error.
    virtual std::string words(NcclResult result, NcclComm comm) = 0;
};

// What it makes lives as long as it does. Throws Error(failure) with the device's words.
class DeviceRuntime {
  public:
    virtual ~DeviceRuntime() = default;
    virtual DeviceEvent event() = 0;
    virtual void record(DeviceEvent event, DeviceStream stream) = 0;
    virtual bool done(DeviceEvent event) = 0;
    virtual void copy(float* to, const float* from, std::size_t count, DeviceStream stream) = 0;
    virtual float* memory(std::size_t count) = 0;      // on the device
    virtual float* host_memory(std::size_t count) = 0; // that copies reach without the host's help
};

} // namespace autosampling

// A device and an NCCL of host memory and MPI messages, for tests alone. They keep the rules of the real ones: what is
// started on a stream happens in its order, later than it was started; what NCCL is asked for reaches the stream only
// after some looks at the communicator's state, until which nothing else may be asked.
//
// No threads: whoever looks at an event or a state carries on what is under way.
#pragma once

#include "autosampling/comm/communicator.hpp"
#include "autosampling/comm/nccl_communicator.hpp"

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace autosampling::testing {

// What goes wrong on one rank. `call` is a method of NcclLibrary, which then gives `result` from its n-th time on; or
// "done": the device fails; "kernel": what is started there never runs; "start": the state while NCCL starts;
// "running": the state while something is under way.
struct Fault {
    std::string call;
    int rank = -1;
    NcclResult result = NcclResult::success;
    int time = 0;
};

class FakeDevice : public DeviceRuntime {
  public:
    DeviceStream stream();
    DeviceEvent event() override;
    void record(DeviceEvent event, DeviceStream stream) override;
    bool done(DeviceEvent event) override;
    void copy(float* to, const float* from, std::size_t count, DeviceStream stream) override;
    float* memory(std::size_t count) override;
    float* host_memory(std::size_t count) override;

    // A step says whether it is over, and is tried again until it is.
    using Step = std::function<bool()>;
    void enqueue(DeviceStream stream, Step step);
    void advance();
    bool idle() const;

    std::vector<std::string> violations;
    bool in_group = false; // of NCCL's, where nothing may be waited for
    bool broken = false;
    int allocations = 0;

  private:
    using Queue = std::deque<Step>;
    std::vector<std::unique_ptr<Queue>> streams_;
    std::vector<std::unique_ptr<std::shared_ptr<bool>>> events_; // of each the last record: whether it is reached
    std::vector<std::unique_ptr<float[]>> memory_;
};

class FakeNccl : public NcclLibrary {
  public:
    // Collective; `comm` must outlive it. `delay`: looks at the state until a call is taken in.
    FakeNccl(std::shared_ptr<FakeDevice> device, const Communicator& comm, Fault fault = {}, int delay = 3);

    std::vector<std::string> calls, violations;
    std::atomic<bool> abort_hangs = false, aborted = false;

    NcclResult unique_id(NcclId& id) override;
    NcclResult init(NcclComm& comm, int ranks, const NcclId& id, int rank) override;
    NcclResult state(NcclComm comm, NcclResult& state) override;
    NcclResult group_start() override;
    NcclResult group_end() override;
    NcclResult broadcast(const float* from, float* to, std::size_t count, int root, NcclComm comm,
                         DeviceStream stream) override;
    NcclResult send(const float* from, std::size_t count, int peer, NcclComm comm, DeviceStream stream) override;
    NcclResult receive(float* to, std::size_t count, int peer, NcclComm comm, DeviceStream stream) override;
    NcclResult all_reduce(const float* from, float* to, std::size_t count, NcclComm comm, DeviceStream stream) override;
    NcclResult all_gather(const float* from, float* to, std::size_t count, NcclComm comm, DeviceStream stream) override;
    NcclResult finalize(NcclComm comm) override;
    NcclResult destroy(NcclComm comm) override;
    NcclResult abort(NcclComm comm) override;
    std::string words(NcclResult result, NcclComm comm) override;

  private:
    // One operation: its messages, posted when its turn on the stream comes.
    struct Operation {
        std::string name;
        const float* from = nullptr;
        float* to = nullptr;
        std::size_t count = 0;
        int peer = -1; // the root of a broadcast
    };
    struct Group;

    bool is_at_fault(const char* call);
    NcclResult called(const char* call);
    NcclResult add(Operation operation, DeviceStream stream);
    NcclResult launch();
    bool run(Group& group);
    void post(Group& group, const Operation& operation);
    void finish(const Group& group);

    std::shared_ptr<FakeDevice> device_;
    Fault fault_;
    int delay_, rank_, size_, depth_ = 0, times_ = 0;
    MPI_Comm comm_ = MPI_COMM_NULL; // never freed: after a fault messages are under way
    DeviceStream stream_ = nullptr;
    std::vector<Operation> waiting_;  // of the group that is open
    std::function<bool()> under_way_; // what NCCL was asked for; whether it has been taken in
    bool starting_ = false, finalized_ = false;
};

} // namespace autosampling::testing

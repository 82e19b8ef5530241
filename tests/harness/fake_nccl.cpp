#include "harness/fake_nccl.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/narrow.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <thread>
#include <utility>

namespace autosampling::testing {
namespace {

constexpr char id_mark = 42;
constexpr int asked_length = 3; // operation, count, root

} // namespace

DeviceStream FakeDevice::stream() {
    streams_.push_back(std::make_unique<Queue>());
    return reinterpret_cast<DeviceStream>(streams_.back().get());
}

DeviceEvent FakeDevice::event() {
    events_.push_back(std::make_unique<std::shared_ptr<bool>>(std::make_shared<bool>(true)));
    return reinterpret_cast<DeviceEvent>(events_.back().get());
}

void FakeDevice::record(DeviceEvent event, DeviceStream stream) {
    auto reached = std::make_shared<bool>(false);
    *reinterpret_cast<std::shared_ptr<bool>*>(event) = reached;
    enqueue(stream, [reached] { return *reached = true; });
}

bool FakeDevice::done(DeviceEvent event) {
    if (in_group) violations.emplace_back("a wait within a group");
    if (broken) throw Error(ExitCode::failure, "cudaEventQuery failed (an illegal memory access was encountered)");
    advance();
    return **reinterpret_cast<std::shared_ptr<bool>*>(event);
}

void FakeDevice::copy(float* to, const float* from, std::size_t count, DeviceStream stream) {
    enqueue(stream, [=] {
        std::copy_n(from, count, to);
        return true;
    });
}

float* FakeDevice::memory(std::size_t count) {
    ++allocations;
    return memory_.emplace_back(std::make_unique<float[]>(count)).get();
}

float* FakeDevice::host_memory(std::size_t count) {
    return memory(count);
}

void FakeDevice::enqueue(DeviceStream stream, Step step) {
    reinterpret_cast<Queue*>(stream)->push_back(std::move(step));
}

void FakeDevice::advance() {
    for (const auto& queue : streams_)
        while (!queue->empty() && queue->front()()) queue->pop_front();
}

bool FakeDevice::idle() const {
    return std::ranges::all_of(streams_, [](const auto& queue) { return queue->empty(); });
}

// What was launched together.
struct FakeNccl::Group {
    std::vector<Operation> operations;
    std::vector<MPI_Request> requests;
    std::vector<MPI_Status> statuses;
    std::vector<std::size_t> received;  // values expected by each request; 0 where nothing is received
    std::deque<std::vector<int>> asked; // of each collective what all ranks ask for
    struct Sum {
        std::vector<float> parts; // (ranks, count)
        float* to;
        std::size_t count;
    };
    std::deque<Sum> sums;
    bool posted = false;
};

FakeNccl::FakeNccl(std::shared_ptr<FakeDevice> device, const Communicator& comm, Fault fault, int delay)
    : device_(std::move(device)), fault_(std::move(fault)), delay_(delay), rank_(comm.rank()), size_(comm.size()) {
    MPI_Comm_dup(comm.raw(), &comm_);
    MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN);
}

bool FakeNccl::is_at_fault(const char* call) {
    return fault_.call == call && fault_.rank == rank_ && times_++ >= fault_.time;
}

// What every call but state and words begins with.
NcclResult FakeNccl::called(const char* call) {
    calls.emplace_back(call);
    if (under_way_) {
        violations.push_back(text(call, " before the call ahead of it was taken in"));
        return NcclResult::invalid_usage;
    }
    return is_at_fault(call) ? fault_.result : NcclResult::success;
}

NcclResult FakeNccl::unique_id(NcclId& id) {
    id.bytes.fill(id_mark);
    return called("unique_id");
}

NcclResult FakeNccl::init(NcclComm& comm, int ranks, const NcclId& id, int rank) {
    if (ranks != size_ || rank != rank_ || id.bytes.back() != id_mark) violations.emplace_back("another id or rank");
    if (const NcclResult result = called("init"); result != NcclResult::success) return result;
    comm = reinterpret_cast<NcclComm>(this);
    starting_ = true;
    MPI_Request all_here = MPI_REQUEST_NULL; // the real one waits for all ranks, too
    MPI_Ibarrier(comm_, &all_here);
    under_way_ = [this, all_here, looks = delay_]() mutable {
        if (looks-- > 0) return false;
        int done = 0;
        MPI_Test(&all_here, &done, MPI_STATUS_IGNORE);
        starting_ = done == 0;
        return done != 0;
    };
    return NcclResult::in_progress;
}

NcclResult FakeNccl::state(NcclComm, NcclResult& state) {
    if (depth_ > 0) violations.emplace_back("a wait within a group");
    device_->advance();
    if (under_way_ && under_way_()) under_way_ = nullptr;
    state = under_way_ ? NcclResult::in_progress : NcclResult::success;
    if (starting_ ? is_at_fault("start") : !device_->idle() && is_at_fault("running")) state = fault_.result;
    return NcclResult::success;
}

NcclResult FakeNccl::group_start() {
    ++depth_;
    device_->in_group = true;
    return called("group_start");
}

NcclResult FakeNccl::group_end() {
    if (--depth_ != 0) violations.emplace_back("group_end without group_start");
    device_->in_group = false;
    if (const NcclResult result = called("group_end"); result != NcclResult::success) return result;
    return launch();
}

NcclResult FakeNccl::broadcast(const float* from, float* to, std::size_t count, int root, NcclComm,
                               DeviceStream stream) {
    return add({"broadcast", from, to, count, root}, stream);
}

NcclResult FakeNccl::send(const float* from, std::size_t count, int peer, NcclComm, DeviceStream stream) {
    return add({"send", from, nullptr, count, peer}, stream);
}

NcclResult FakeNccl::receive(float* to, std::size_t count, int peer, NcclComm, DeviceStream stream) {
    return add({"receive", nullptr, to, count, peer}, stream);
}

NcclResult FakeNccl::all_reduce(const float* from, float* to, std::size_t count, NcclComm, DeviceStream stream) {
    return add({"all_reduce", from, to, count}, stream);
}

NcclResult FakeNccl::all_gather(const float* from, float* to, std::size_t count, NcclComm, DeviceStream stream) {
    return add({"all_gather", from, to, count}, stream);
}

NcclResult FakeNccl::finalize(NcclComm) {
    if (const NcclResult result = called("finalize"); result != NcclResult::success) return result;
    finalized_ = true;
    under_way_ = [this, looks = delay_]() mutable { return looks-- <= 0 && device_->idle(); };
    return NcclResult::in_progress;
}

NcclResult FakeNccl::destroy(NcclComm) {
    if (!finalized_) violations.emplace_back("destroy without finalize");
    return called("destroy");
}

NcclResult FakeNccl::abort(NcclComm) {
    while (abort_hangs) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    aborted = true;
    return NcclResult::success;
}

std::string FakeNccl::words(NcclResult result, NcclComm) {
    constexpr std::array names{"success",          "unhandled cuda error", "unhandled system error", "internal error",
                               "invalid argument", "invalid usage",        "remote process exited",  "in progress"};
    return names.at(static_cast<std::size_t>(result));
}

NcclResult FakeNccl::add(Operation operation, DeviceStream stream) {
    if (const NcclResult result = called(operation.name.c_str()); result != NcclResult::success) return result;
    if (operation.peer == rank_ && operation.name != "broadcast") violations.emplace_back("a message to itself");
    waiting_.push_back(std::move(operation));
    stream_ = stream;
    return depth_ == 0 ? launch() : NcclResult::success;
}

NcclResult FakeNccl::launch() {
    auto group = std::make_shared<Group>();
    std::swap(group->operations, waiting_);
    under_way_ = [this, group, looks = delay_]() mutable {
        if (looks-- > 0) return false;
        device_->enqueue(stream_, [this, group] { return run(*group); });
        return true;
    };
    return NcclResult::in_progress;
}

// The step of the stream.
bool FakeNccl::run(Group& group) {
    if (fault_.rank == rank_ && (fault_.call == "kernel" || fault_.call == "running")) return false;
    if (!std::exchange(group.posted, true))
        for (const Operation& operation : group.operations) post(group, operation);
    int done = 0;
    group.statuses.resize(group.requests.size());
    if (MPI_Testall(mpi_count(group.requests.size()), group.requests.data(), &done, group.statuses.data()) !=
        MPI_SUCCESS) {
        violations.emplace_back("messages that don't match");
        return true;
    }
    if (done != 0) finish(group);
    return done != 0;
}

void FakeNccl::post(Group& group, const Operation& operation) {
    const auto& [name, from, to, values, peer] = operation;
    const int count = mpi_count(values);
    const auto request = [&group](std::size_t received = 0) {
        group.received.push_back(received);
        return &group.requests.emplace_back(MPI_REQUEST_NULL);
    };
    if (name == "send") MPI_Isend(from, count, MPI_FLOAT, peer, 0, comm_, request());
    if (name == "receive") MPI_Irecv(to, count, MPI_FLOAT, peer, 0, comm_, request(values));
    if (name == "send" || name == "receive") return;

    auto& asked = group.asked.emplace_back(std::vector<int>(asked_length * to_size(size_)));
    std::copy_n(std::array{static_cast<int>(name.back()), count, peer}.begin(), asked_length,
                &asked[asked_length * to_size(rank_)]);
    MPI_Iallgather(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, asked.data(), asked_length, MPI_INT, comm_, request());
    if (name == "broadcast") {
        if (from != to) std::copy_n(from, values, to);
        MPI_Ibcast(to, count, MPI_FLOAT, peer, comm_, request());
    } else if (name == "all_gather") {
        MPI_Iallgather(from, count, MPI_FLOAT, to, count, MPI_FLOAT, comm_, request());
    } else {
        auto& sum = group.sums.emplace_back(Group::Sum{std::vector<float>(values * to_size(size_)), to, values});
        MPI_Iallgather(from, count, MPI_FLOAT, sum.parts.data(), count, MPI_FLOAT, comm_, request());
    }
}

void FakeNccl::finish(const Group& group) {
    for (std::size_t i = 0; i < group.requests.size(); ++i) {
        if (group.received[i] == 0) continue;
        int length = 0;
        MPI_Get_count(&group.statuses[i], MPI_FLOAT, &length);
        if (to_size(length) != group.received[i]) violations.emplace_back("a message of another length");
    }
    for (const auto& [parts, to, count] : group.sums) {
        std::fill_n(to, count, 0.0F);
        for (std::size_t i = 0; i < parts.size(); ++i) to[i % count] += parts[i];
    }
    for (const std::vector<int>& asked : group.asked) // of all ranks the same
        if (!std::equal(asked.begin() + asked_length, asked.end(), asked.begin()))
            violations.emplace_back("ranks ask for different collectives");
}

} // namespace autosampling::testing

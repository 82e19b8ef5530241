#include "autosampling/comm/nccl_communicator.hpp"

#include "autosampling/base/error.hpp"

#include <exception>
#include <future>
#include <thread>
#include <utility>

namespace autosampling {
namespace {

constexpr std::chrono::seconds longest_abort{5};

} // namespace

NcclCommunicator::NcclCommunicator(const Communicator& comm, std::shared_ptr<NcclLibrary> nccl, DeviceAccess device)
    : comm_(comm), nccl_(std::move(nccl)), device_(std::move(device)), marked_(device_.runtime->event()),
      exceptions_(std::uncaught_exceptions()) {
    constexpr const char* operation = "start of NCCL";
    NcclId id;
    if (comm_.is_root()) check(nccl_->unique_id(id), operation);
    comm_.broadcast(std::span<char>(id.bytes), 0);
    comm_.barrier(); // some MPIs end a broadcast only in a later call, and the next one is NCCL's
    try {
        settle(nccl_->init(handle_, comm_.size(), id, comm_.rank()), operation);
    } catch (...) {
        abort();
        throw;
    }
}

NcclCommunicator::~NcclCommunicator() {
    if (failed_) return;
    try {
        if (std::uncaught_exceptions() == exceptions_) {
            settle(nccl_->finalize(handle_), "end of NCCL");
            (void)nccl_->destroy(handle_);
            return;
        }
    } catch (const std::exception&) { // all that was asked of it was done
    }
    abort();
}

void NcclCommunicator::start(std::span<const Call> calls, const char* operation) {
    attempt([&] {
        if (calls.size() == 1) settle(calls.front()(*nccl_, handle_, device_.stream), operation);
        if (calls.size() < 2) return;
        check(nccl_->group_start(), operation);
        for (const Call& call : calls) check(call(*nccl_, handle_, device_.stream), operation);
        settle(nccl_->group_end(), operation);
    });
}

void NcclCommunicator::mark() {
    attempt([this] { device_.runtime->record(marked_, device_.stream); });
}

void NcclCommunicator::wait(const char* operation) {
    attempt([&] {
        comm_.wait_until([&] { return device_.runtime->done(marked_) || (state(operation), false); }, operation);
    });
}

void NcclCommunicator::attempt(const std::function<void()>& action) {
    try {
        EXPECT(!failed_);
        action();
    } catch (...) {
        if (!std::exchange(failed_, true))
            abort(); // before anything else on the device is freed, which may wait for it
        throw;
    }
}

void NcclCommunicator::check(NcclResult result, const char* operation) const {
    if (result == NcclResult::success || result == NcclResult::in_progress) return;
    throw Error(ExitCode::failure, text("NCCL failed in ", comm_.place_of(operation), " (",
                                        nccl_->words(result, handle_), "): with NCCL_DEBUG=INFO it says more"));
}

// Nothing may be called on a communicator, and no event recorded, until what was called before has been taken in.
void NcclCommunicator::settle(NcclResult result, const char* operation) {
    check(result, operation);
    if (result == NcclResult::in_progress)
        comm_.wait_until([&] { return state(operation) == NcclResult::success; }, operation);
}

NcclResult NcclCommunicator::state(const char* operation) const {
    auto state = NcclResult::success;
    check(nccl_->state(handle_, state), operation);
    check(state, operation);
    return state;
}

// On a thread of its own, as it may hang.
void NcclCommunicator::abort() const noexcept {
    if (handle_ == nullptr) return;
    try {
        std::promise<void> ended;
        const std::future<void> end = ended.get_future();
        std::thread([nccl = nccl_, handle = handle_, ended = std::move(ended)]() mutable {
            (void)nccl->abort(handle);
            ended.set_value();
        }).detach();
        end.wait_for(longest_abort);
    } catch (const std::exception&) { // no thread can be had: the process ends without
    }
}

} // namespace autosampling

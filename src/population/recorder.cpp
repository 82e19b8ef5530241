#include "autosampling/population/recorder.hpp"

#include "autosampling/base/error.hpp"

#include <utility>

namespace autosampling {

Recorder::Recorder(const Communicator& comm, std::filesystem::path run, RunHeader header, Launch launch,
                   const RecordOptions& options, std::vector<StateTensor> layout, std::int64_t first_cycle)
    : comm_(comm), run_(std::move(run)), header_(std::move(header)), launch_(std::move(launch)), options_(options),
      layout_(std::move(layout)), last_checkpoint_(first_cycle), last_time_(std::chrono::steady_clock::now()) {}

void Recorder::add(CycleRow row) {
    if (comm_.is_root()) segment_.cycles.push_back(std::move(row));
}

void Recorder::add(EpochRow row) {
    if (comm_.is_root()) segment_.epochs.push_back(std::move(row));
}

bool Recorder::clock_due() const {
    const std::chrono::duration<double, std::ratio<60>> since = std::chrono::steady_clock::now() - last_time_;
    return options_.checkpoint_minutes > 0 && since.count() >= options_.checkpoint_minutes;
}

bool Recorder::due(std::int64_t cycles_done, bool clock_flag) const {
    const bool by_cycles =
        options_.checkpoint_cycles > 0 && cycles_done - last_checkpoint_ >= options_.checkpoint_cycles;
    return !under_way() && (by_cycles || clock_flag);
}

void Recorder::begin(CheckpointIndex index, std::map<std::int32_t, State> mine, std::function<void()> afterwards) {
    EXPECT(!under_way());
    last_checkpoint_ = index.cycle;
    last_time_ = std::chrono::steady_clock::now();
    const std::int64_t cycle = index.cycle;
    // The segment goes first: an index never stands for cycles that aren't recorded.
    if (comm_.is_root() && !segment_.cycles.empty())
        writer_.submit(
            [this, segment = std::exchange(segment_, {})] { write_segment(run_, header_, launch_, segment); });
    writer_.submit([this, cycle, states = std::move(mine)] {
        for (const auto& [number, state] : states) write_state(checkpoint_folder(run_, cycle), number, *state, layout_);
        written_ = cycle;
    });
    pending_ = Pending{std::move(index), std::move(afterwards)};
}

std::int64_t Recorder::written() {
    (void)writer_.idle(); // rethrows
    return written_;
}

void Recorder::settle(std::int64_t least_written) {
    if (pending_ && least_written >= pending_->index.cycle) publish();
}

void Recorder::publish() {
    if (comm_.is_root())
        writer_.submit([this, pending = std::move(*pending_)] {
            write_index(run_, pending.index, options_.keep_checkpoints);
            if (pending.afterwards) pending.afterwards();
        });
    pending_.reset();
}

void Recorder::finish() {
    comm_.agree([this] { writer_.wait(); });
    if (pending_) publish();
    comm_.agree([this] { writer_.wait(); });
}

} // namespace autosampling

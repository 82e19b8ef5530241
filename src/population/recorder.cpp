#include "autosampling/population/recorder.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/record/join.hpp"

#include <algorithm>
#include <utility>

namespace autosampling {

Recorder::Recorder(const Communicator& comm, std::filesystem::path run, const RunDirectory* directory, RunHeader header,
                   Launch launch, const RecordOptions& options, std::vector<StateTensor> layout,
                   std::int64_t first_cycle)
    : comm_(comm), run_(std::move(run)), directory_(directory), header_(std::move(header)), launch_(std::move(launch)),
      options_(options), layout_(std::move(layout)), first_cycle_(first_cycle), last_checkpoint_(first_cycle),
      has_checkpoint_(launch_.link > 0), last_time_(std::chrono::steady_clock::now()) {}

void Recorder::add(CycleRow row) {
    if (comm_.is_root()) segment_.cycles.push_back(std::move(row));
}

void Recorder::add(EpochRow row) {
    if (comm_.is_root()) segment_.epochs.push_back(std::move(row));
}

void Recorder::add(RoundRow row) {
    if (comm_.is_root()) segment_.rounds.push_back(std::move(row));
}

bool Recorder::clock_due() const {
    const std::chrono::duration<double, std::ratio<60>> since = std::chrono::steady_clock::now() - last_time_;
    return options_.checkpoint_minutes > 0 && since.count() >= options_.checkpoint_minutes;
}

RankReport Recorder::report(bool stop) {
    return {.stop = stop,
            .checkpoint_due = comm_.is_root() && clock_due(),
            .failed = writer_.failed(),
            .checkpoint_written = written_};
}

void Recorder::after_cycle(std::int64_t cycles_done, std::span<const RankReport> reports, CheckpointWhen when,
                           const std::function<Snapshot()>& take) {
    if (std::any_of(reports.begin(), reports.end(), [](const RankReport& report) { return report.failed != 0; }))
        settle();
    const bool written = pending_ && std::all_of(reports.begin(), reports.end(), [this](const RankReport& report) {
                             return report.checkpoint_written >= pending_->index.cycle;
                         });
    if (when == CheckpointWhen::now)
        finish();
    else if (written)
        publish(least_joined);
    const std::int64_t since = cycles_done - last_checkpoint_;
    const bool by_clock = std::any_of(reports.begin(), reports.end(),
                                      [](const RankReport& report) { return report.checkpoint_due != 0; });
    const bool by_cycles = options_.checkpoint_cycles > 0 && since >= options_.checkpoint_cycles;
    const bool due = when == CheckpointWhen::now || by_clock || by_cycles;
    if (!due || pending_ || (since == 0 && has_checkpoint_)) return;
    comm_.on_root([this] { directory_->require(); });
    begin(take());
}

void Recorder::begin(Snapshot snapshot) {
    for (auto& [number, state] : snapshot.states) state = state.on_host();
    last_checkpoint_ = snapshot.index.cycle;
    has_checkpoint_ = true;
    last_time_ = std::chrono::steady_clock::now();
    // The segment goes first: an index never stands for cycles that aren't recorded.
    if (comm_.is_root() && !segment_.cycles.empty()) {
        std::uint64_t& hash = segment_.cycles.back().state_hash; // of a state on a device it is taken here alone
        EXPECT(hash == 0 || hash == snapshot.index.winner_hash());
        hash = snapshot.index.winner_hash();
        writer_.submit([this, segment = std::exchange(segment_, {})] {
            const std::int64_t begin = segment.cycles.front().cycle;
            const bool first = begin == first_cycle_; // it alone says the job's ranks
            const auto require_those_before = [&] {
                if (begin > 0) require_recorded(run_, begin);
            };
            require_those_before();
            try {
                write_segment(run_, header_, first ? launch_ : without_ranks(launch_), segment);
            } catch (const std::exception&) {
                require_those_before(); // their loss goes before what came of it
                throw;
            }
        });
    }
    writer_.submit([this, cycle = last_checkpoint_, states = std::move(snapshot.states)] {
        for (const auto& [number, state] : states)
            write_state(checkpoint_folder(run_, cycle), number, state.memory(), layout_);
        written_ = cycle;
    });
    pending_ = std::move(snapshot);
}

void Recorder::publish(std::size_t least) {
    if (comm_.is_root())
        writer_.submit([this, least, pending = std::move(*pending_)] {
            directory_->require(); // an index stands for files that are there
            const std::int64_t oldest = write_index(run_, pending.index, options_.keep_checkpoints);
            join_segments(run_, first_cycle_, oldest, least);
            if (pending.afterwards) pending.afterwards();
        });
    pending_.reset();
}

void Recorder::finish() {
    settle();
    if (pending_) publish(2);
    settle();
}

// Waits for all writers. Where one has failed, the loss of the directory goes before what came of it.
void Recorder::settle() {
    comm_.agree([this] {
        std::exception_ptr failure;
        try {
            writer_.wait();
        } catch (...) {
            failure = std::current_exception();
        }
        if (directory_) directory_->require();
        if (failure) std::rethrow_exception(failure);
    });
}

} // namespace autosampling

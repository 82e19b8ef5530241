#include "autosampling/population/disk_use.hpp"

#include "autosampling/base/bytes.hpp"
#include "autosampling/base/counted.hpp"
#include "autosampling/base/error.hpp"
#include "autosampling/base/narrow.hpp"
#include "autosampling/population/run_sketch.hpp"
#include "autosampling/record/file_sizes.hpp"
#include "autosampling/record/join.hpp"
#include "autosampling/sampling/timetable.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <map>
#include <tuple>
#include <utility>

namespace autosampling {

namespace {

std::int64_t scaled(std::int64_t bytes, std::int64_t part, std::int64_t all) {
    if (part == all) return bytes;
    return std::llround(static_cast<double>(bytes) * static_cast<double>(all) / static_cast<double>(part));
}

// How many rows of each kind.
struct Rows {
    std::int64_t cycles = 0, epochs = 0, rounds = 0;
};

// The sizes of a file by its number of rows: measured, or beyond the sketched ones as they grow over the latter half
// of these.
class FileSize {
  public:
    using Measure = std::function<std::int64_t(const Segment&)>;

    // `whole`: of all that is in the file, with so many rows; `bare`: without what there is of each example. `images`:
    // of how many sketched ones there are in all.
    FileSize(const RunSketch& sketch, std::int64_t images, Measure whole, Measure bare)
        : sketch_(sketch), images_(images), whole_(std::move(whole)),
          bare_(std::move(bare)), sketched_{std::ssize(sketch.rows.cycles), std::ssize(sketch.rows.epochs),
                                            std::ssize(sketch.rows.rounds)} {}

    std::int64_t of(const Rows& rows) { return from(rows, rows); }
    // Of many numbers of rows only a few are measured.
    std::int64_t about(const Rows& rows) {
        const auto floor = [](std::int64_t number) {
            return static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(number)));
        };
        return from({floor(rows.cycles), floor(rows.epochs), floor(rows.rounds)}, rows);
    }

  private:
    // Measured for so many rows of these, as far as there are sketches; then grown.
    std::int64_t from(const Rows& some, const Rows& rows) {
        const Rows known{std::min(some.cycles, sketched_.cycles), std::min(some.epochs, sketched_.epochs),
                         std::min(some.rounds, sketched_.rounds)};
        const std::int64_t more_rounds = growth(&Rows::rounds, rows.rounds - known.rounds);
        const std::int64_t size = measured(whole_, known) + growth(&Rows::cycles, rows.cycles - known.cycles) +
                                  growth(&Rows::epochs, rows.epochs - known.epochs) + more_rounds;
        if (images_ == sketch_.images()) return size;
        const std::int64_t of_images =
            measured(whole_, {}) + measured(bare_, {.rounds = known.rounds}) - 2 * measured(bare_, {}) + more_rounds;
        return size - of_images + scaled(of_images, sketch_.images(), images_);
    }

    std::int64_t growth(std::int64_t Rows::*kind, std::int64_t more) {
        if (more == 0) return 0;
        Rows all, half;
        all.*kind = sketched_.*kind;
        half.*kind = sketched_.*kind / 2;
        return scaled(measured(bare_, all) - measured(bare_, half), all.*kind - half.*kind, more);
    }

    std::int64_t measured(const Measure& measure, const Rows& rows) {
        const auto [found, is_new] = known_.try_emplace({&measure, rows.cycles, rows.epochs, rows.rounds}, 0);
        const auto some = [](const auto& all, std::int64_t number) {
            return std::decay_t<decltype(all)>(all.begin(), all.begin() + number);
        };
        if (is_new)
            found->second = measure({some(sketch_.rows.cycles, rows.cycles), some(sketch_.rows.epochs, rows.epochs),
                                     some(sketch_.rows.rounds, rows.rounds)});
        return found->second;
    }

    const RunSketch& sketch_;
    std::int64_t images_;
    Measure whole_, bare_;
    Rows sketched_;
    std::map<std::tuple<const Measure*, std::int64_t, std::int64_t, std::int64_t>, std::int64_t> known_; // by rows
};

// A part of the record.
struct Stretch {
    std::int64_t first = 0, end = 0; // cycles
    std::int64_t bytes = 0;
};

class Estimate {
  public:
    Estimate(const Prepared& prepared, const RunSketch& sketch)
        : options_(prepared.options), plan_(prepared.plan), sketch_(sketch), bare_(sketch.header),
          timetable_(options_.exploration, plan_.training_images, plan_.draws, plan_.batches_per_cycle),
          first_segment_(
              sketch, plan_.training_images,
              [this](const Segment& rows) { return segment_size(sketch_.header, sketch_.launch, rows); },
              [this](const Segment& rows) { return segment_size(bare_, sketch_.launch, rows); }),
          later_segment_(sketch, plan_.training_images, size_of_later(), size_of_later()),
          run_file_(
              sketch, plan_.training_images,
              [this](const Segment& rows) {
                  return run_file_size(sketch_.header, sketch_.launch, rows, sketch_.final);
              },
              [this](const Segment& rows) { return run_file_size(bare_, sketch_.launch, rows, {}); }) {
        for (auto* values : {&bare_.label, &bare_.true_label, &bare_.reward_label, &bare_.reward_true_label})
            values->clear();
        bare_.column_value.clear();
        bare_.split_training.clear();
        bare_.split_reward.clear();
    }
    Estimate(const Estimate&) = delete; // functions know where it is
    Estimate& operator=(const Estimate&) = delete;

    std::int64_t run_file() { return run_file_.of(rows(0, plan_.cycles)); }

    // As they are joined while the run goes on and at its end; their bytes, and the most on the way there.
    void add_segments(DiskUse& use) {
        std::vector<Stretch> made;
        std::int64_t apart = 0; // those after the oldest checkpoint
        for (std::int64_t first = 0; first < plan_.cycles; first += interval()) {
            made.push_back(stretch(first, std::min(first + interval(), plan_.cycles)));
            use.record += made.back().bytes;
            use.most_record = std::max(use.most_record, use.record);
            apart = std::min({options_.record.keep_checkpoints - 1, first / interval(), std::ssize(made) - 1});
            use.record -= join(made, made.size() - to_size(apart), least_joined);
        }
        use.record -= join(made, made.size() - to_size(apart), 2);
        use.segments = std::ssize(made);
    }

    // The last ones first.
    std::vector<std::int64_t> checkpoint_cycles() const {
        std::vector<std::int64_t> cycles{plan_.cycles};
        for (std::int64_t cycle = (plan_.cycles - 1) / interval() * interval();
             cycle > 0 && std::ssize(cycles) < options_.record.keep_checkpoints; cycle -= interval())
            cycles.push_back(cycle);
        return cycles;
    }

    const CheckpointIndex& checkpoint_at(std::int64_t cycle) const {
        const bool alike = cycle == plan_.cycles || (plan_.rounds > 0 && timetable_.explores(cycle));
        return alike ? sketch_.last : sketch_.before_end;
    }

    std::int64_t checkpoint_bytes(const CheckpointIndex& checkpoint) const {
        const std::int64_t window = std::min(plan_.cycles, options_.exploration.window_cycles);
        const bool has_window = options_.exploration.counts == Counts::window;
        CheckpointIndex index = checkpoint;
        const std::int64_t all = index_size(index);
        std::erase_if(index.sampling, [](const auto& named) { return named.first.starts_with("window_"); });
        const std::int64_t counts = has_window ? index_size(index) : all;
        std::erase_if(index.sampling, [this](const auto& named) { // what has an element for each image, or nearly
            return std::visit([this](const auto& array) { return std::ssize(array) > sketch_.images() / 8; },
                              named.second);
        });
        const std::int64_t rest = sketch_.images() < plan_.training_images ? index_size(index) : counts;
        return rest + of_all_images(counts - rest) +
               scaled(all - counts, std::min(window, sketch_.cycles_learned), window) +
               std::ssize(index.state_files) * plan_.state_file_bytes;
    }

    // Between checkpoints; the whole run where only the clock asks for some.
    std::int64_t interval() const {
        return options_.record.checkpoint_cycles > 0 ? options_.record.checkpoint_cycles : plan_.cycles;
    }

  private:
    // Neither what is said by rank nor the examples are in it.
    FileSize::Measure size_of_later() {
        return [this](const Segment& rows) { return segment_size(bare_, without_ranks(sketch_.launch), rows); };
    }

    std::int64_t of_all_images(std::int64_t bytes) const {
        return scaled(bytes, sketch_.images(), plan_.training_images);
    }

    // Rows of rounds that are recorded once so many cycles are done.
    std::int64_t rounds_begun(std::int64_t cycles_done) const {
        if (plan_.rounds == 0) return 0;
        return cycles_done == plan_.cycles ? plan_.rounds + 1 : timetable_.round(cycles_done) + 1;
    }

    Rows rows(std::int64_t first, std::int64_t end) const {
        return {end - first, timetable_.epochs_complete(end) - timetable_.epochs_complete(first),
                rounds_begun(end) - (first > 0 ? rounds_begun(first) : 0)};
    }

    Stretch stretch(std::int64_t first, std::int64_t end) {
        FileSize& size = first == 0 ? first_segment_ : later_segment_;
        const bool joined = end - first > interval();
        return {first, end, joined ? size.about(rows(first, end)) : size.of(rows(first, end))};
    }

    // The last of the first so many segments, as join_segments does; the bytes that it saves.
    std::int64_t join(std::vector<Stretch>& segments, std::size_t joinable, std::size_t least) {
        std::int64_t saved = 0;
        for (const std::uintmax_t most : small_segments) {
            std::size_t first = joinable;
            while (first > 0 && segments[first - 1].bytes <= static_cast<std::int64_t>(most)) --first;
            if (joinable - first < least) continue;
            const auto begin = segments.begin() + static_cast<std::ptrdiff_t>(first);
            const auto end = segments.begin() + static_cast<std::ptrdiff_t>(joinable);
            for (auto part = begin; part != end; ++part) saved += part->bytes;
            *begin = stretch(begin->first, std::prev(end)->end);
            saved -= begin->bytes;
            segments.erase(begin + 1, end);
            joinable = first + 1;
        }
        return saved;
    }

    const Options& options_;
    const Plan& plan_;
    const RunSketch& sketch_;
    RunHeader bare_; // without the examples
    Timetable timetable_;
    FileSize first_segment_, later_segment_, run_file_;
};

} // namespace

std::int64_t DiskUse::most_bytes() const {
    return checkpoints + clock_bytes + rest + std::max(record + run_file, most_record + one_more);
}

DiskUse estimate_disk_use(const Prepared& prepared, const DatasetPlan& data, const Launch& launch) {
    const auto& [options, split, plan, columns] = prepared;
    const RunSketch sketch = sketch_run(prepared, data, launch);
    Estimate estimate(prepared, sketch);
    DiskUse use;
    use.run_file = estimate.run_file();
    estimate.add_segments(use);
    const auto files_of = [](const CheckpointIndex& checkpoint) { return 1 + std::ssize(checkpoint.state_files); };
    const std::int64_t between = estimate.checkpoint_bytes(sketch.before_end);
    const std::int64_t last = estimate.checkpoint_bytes(sketch.last);
    use.files = 5 + use.segments; // run.h5, config.toml, summary.json, run.log, .lock
    for (const std::int64_t cycle : estimate.checkpoint_cycles()) {
        const CheckpointIndex& checkpoint = estimate.checkpoint_at(cycle);
        use.checkpoints += &checkpoint == &sketch.last ? last : between;
        use.files += files_of(checkpoint);
        ++use.kept;
    }
    constexpr std::int64_t summary = 700;
    use.rest = std::ssize(sketch.header.configuration) + summary;
    if (options.record.checkpoint_minutes > 0) use.kept_by_clock = options.record.keep_checkpoints - use.kept;
    use.clock_bytes = use.kept_by_clock * between;
    const bool others_before = options.record.checkpoint_minutes > 0 || plan.cycles > use.kept * estimate.interval();
    if (others_before) use.one_more = std::max(between, last);
    if (options.record.losses) use.losses = plan.cycles * sketch.header.slots * plan.draws * 4;
    return use;
}

std::string describe(const DiskUse& use, const Options& options) {
    const auto more = use.kept_by_clock == 0 ? std::string()
                                             : text(" (", use.kept + use.kept_by_clock, " if the run takes more than ",
                                                    options.record.checkpoint_minutes, " minutes)");
    return text("files       ", use.files, " of ", bytes_text(use.bytes()), " in all: run.h5 ",
                bytes_text(use.run_file), ", record/ ", bytes_text(use.record), " in ", counted(use.segments, "file"),
                use.losses > 0 ? text(" (in either ", bytes_text(use.losses), " of losses)") : "", ", ",
                counted(use.kept, "checkpoint"), " ", bytes_text(use.checkpoints), more);
}

} // namespace autosampling

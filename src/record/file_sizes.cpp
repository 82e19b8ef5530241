#include "autosampling/record/file_sizes.hpp"

#include "contents.hpp"
#include "field_io.hpp"
#include "identity.hpp"

namespace autosampling {

std::int64_t segment_size(const RunHeader& header, const Launch& launch, const Segment& segment) {
    Hdf5File file = Hdf5File::in_memory();
    fill_segment(file, header, launch, segment);
    return file.size();
}

std::int64_t run_file_size(const RunHeader& header, const Launch& launch, const Segment& segment,
                           const FinalDistribution& final) {
    Hdf5File file = Hdf5File::in_memory();
    fill_segment(file, header, launch, segment);
    std::vector<LineRow> lines; // the first slot, where there are winners, is always in use
    for (const CycleRow& row : segment.cycles)
        if (!row.survivor.empty())
            lines.push_back(
                {row.survivor.front(), {row.survivor_schedule.begin(), row.survivor_schedule.begin() + header.draws}});
    write_rows(file, line_columns(), lines, sizes_of(header));
    write_fields(file, final_fields(), final);
    return file.size();
}

std::int64_t state_size(std::span<const float> state, std::span<const StateTensor> layout) {
    Hdf5File file = Hdf5File::in_memory();
    fill_state(file, state, layout);
    return file.size();
}

std::int64_t index_size(const CheckpointIndex& index) {
    Hdf5File file = Hdf5File::in_memory();
    fill_index(file, index);
    return file.size();
}

} // namespace autosampling

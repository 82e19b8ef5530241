// MNIST and what comes in its format (IDX; LeCun et al.): a big-endian header, then images or labels as bytes.
#include "formats.hpp"

#include "autosampling/base/error.hpp"

#include <algorithm>
#include <array>

namespace autosampling::detail {

namespace {

constexpr std::uint32_t images_magic = 2051; // unsigned bytes, 3 dimensions
constexpr std::uint32_t labels_magic = 2049; // unsigned bytes, 1 dimension
constexpr std::uint64_t images_header = 16;  // magic number, n, H, W
constexpr std::uint64_t labels_header = 8;   // magic number, n
constexpr int max_side = 1024;               // pixels
constexpr int classes = 10;

std::uint32_t read_number(CompressedFile& file, const char* what) {
    const std::uint64_t at = file.offset();
    std::array<std::byte, 4> bytes{};
    if (file.read(bytes) < bytes.size()) file.refuse(file.offset(), "the end", text("4 bytes (", what, ") from ", at));
    std::uint32_t value = 0;
    for (const auto byte : bytes) value = value << 8 | std::to_integer<std::uint32_t>(byte);
    return value;
}

std::uint32_t read_number(CompressedFile& file, const char* what, std::uint64_t largest) {
    const std::uint64_t at = file.offset();
    const auto value = read_number(file, what);
    if (value < 1 || value > largest) file.refuse(at, text(what, " = ", value), text("1 to ", largest));
    return value;
}

void check_magic(CompressedFile& file, std::uint32_t expected) {
    const auto magic = read_number(file, "magic number");
    if (magic == expected) return;
    const bool images = expected == images_magic;
    const bool swapped = magic == (images ? labels_magic : images_magic);
    file.refuse(0,
                text("magic number ", magic,
                     swapped ? (images ? " of a labels file (images and labels are swapped)"
                                       : " of an images file (images and labels are swapped)")
                             : ""),
                text(expected, " of an IDX ", images ? "images" : "labels", " file"));
}

void check_length(CompressedFile& file, std::uint64_t expected, const std::string& of_what) {
    const auto length = file.length(expected);
    if (length < expected) file.refuse(length, "the end", text(expected, " bytes (", of_what, ")"));
    if (length > expected) file.refuse(expected, "more bytes", text("the end (", of_what, ")"));
}

struct IdxPair {
    std::size_t images = 0;
    Shape shape;
};

IdxPair check_pair(const std::filesystem::path& images_path, const std::filesystem::path& labels_path) {
    CompressedFile images(images_path), labels(labels_path);
    check_magic(images, images_magic);
    check_magic(labels, labels_magic);
    const std::uint64_t n = read_number(images, "number of images", max_images);
    const auto height = static_cast<int>(read_number(images, "height", max_side));
    const auto width = static_cast<int>(read_number(images, "width", max_side));
    const std::uint64_t labels_n = read_number(labels, "number of labels", max_images);
    if (labels_n != n)
        labels.refuse(4, text(labels_n, " labels"), text(n, ", as there are images in ", images_path.string()));
    const Shape shape{height, width, 1};
    check_length(images, images_header + n * shape.values(),
                 text("a header of 16 and ", n, " images of ", height, " x ", width));
    check_length(labels, labels_header + n, text("a header of 8 and ", n, " labels"));
    return {n, shape};
}

// Reads the bytes after a header of the given length, to the very end of the file.
void read_body(CompressedFile& file, std::uint64_t header, std::span<std::byte> out) {
    std::array<std::byte, images_header> skipped{};
    file.read(std::span(skipped).first(header));
    if (file.read(out) < out.size()) file.refuse(file.offset(), "the end", text(header + out.size(), " bytes"));
    if (file.read(std::span(skipped).first(1)) > 0) file.refuse(header + out.size(), "more bytes", "the end");
}

void load_pair(const std::filesystem::path& images_path, const std::filesystem::path& labels_path,
               const ExampleSetMemory& out) {
    CompressedFile images(images_path), labels(labels_path);
    read_body(images, images_header, std::as_writable_bytes(out.bytes));
    std::vector<std::uint8_t> bytes(out.labels.size());
    read_body(labels, labels_header, std::as_writable_bytes(std::span(bytes)));
    for (std::size_t i = 0; i < bytes.size(); ++i) check_label(labels, labels_header + i, bytes[i], classes);
    std::copy(bytes.begin(), bytes.end(), out.labels.begin());
}

} // namespace

void plan_mnist(DatasetPlan& plan) {
    find_files(plan, {"MNIST/raw", "raw"},
               {{"train-images-idx3-ubyte", "train-images.idx3-ubyte"},
                {"train-labels-idx1-ubyte", "train-labels.idx1-ubyte"},
                {"t10k-images-idx3-ubyte", "t10k-images.idx3-ubyte"},
                {"t10k-labels-idx1-ubyte", "t10k-labels.idx1-ubyte"}});
    const auto training = check_pair(plan.files[0], plan.files[1]);
    const auto test = check_pair(plan.files[2], plan.files[3]);
    if (training.shape != test.shape) {
        CompressedFile(plan.files[2])
            .refuse(8, text("images of ", test.shape.height(), " x ", test.shape.width()),
                    text(training.shape.height(), " x ", training.shape.width(), ", as in ", plan.files[0].string()));
    }
    plan.facts.shape = training.shape;
    plan.facts.classes = classes;
    plan.facts.class_names = numbered_classes(classes);
    plan.training_examples = training.images;
    plan.test_examples = test.images;
    plan.facts.mean = {0.1307};
    plan.facts.std = {0.3081};
}

LoadedParts load_mnist(const DatasetPlan& plan, const ExampleSetMemory& training, const ExampleSetMemory& test) {
    load_pair(plan.files[0], plan.files[1], training);
    load_pair(plan.files[2], plan.files[3], test);
    return {{plan.files[0].string(), training}, {plan.files[2].string(), test}};
}

} // namespace autosampling::detail
